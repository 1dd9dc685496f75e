"""Requests whose token is rejected are repeated once with a new token, if the credential can get one."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from common.problems import Problem
from msi_func import authentication, token_cache
from msi_func.downstream import DownstreamApi
from tests.support.caller import SCOPE, Caller, caller, token_reply, unsigned_token
from tests.support.fake_entra import fake_entra, forged_assertion, token_response
from tests.support.scripted import HANG, Reply, Request, Scripted, as_json

__all__ = ["caller"]

OK = as_json(200, {"ok": True})
MISSING_ROLE = as_json(403, {"code": "missing_role"})
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
ENCODED = base64.b64encode(CLAIMS.encode()).decode()
CHALLENGE = as_json(401, {}, WWW_Authenticate=f'Bearer error="insufficient_claims", claims="{ENCODED}"')


@dataclass
class Api:
    """A fake API that accepts only the tokens named in `accepted` and responds to others with `rejection`."""

    rejection: Reply = MISSING_ROLE
    accepted: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Reply:
        token = request.headers["authorization"].removeprefix("Bearer ")
        return OK if token in {unsigned_token(mark) for mark in self.accepted} else self.rejection


@dataclass
class Entra:
    """A fake Entra that issues "token 1", "token 2" and so on, or sends `reply`, if set, after the first request."""

    requests: list[dict[str, str]] = field(default_factory=list)
    reply: Reply | None = None

    def __call__(self, request: Request) -> Reply:
        self.requests.append({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if self.reply and len(self.requests) > 1:
            return self.reply
        return token_response(unsigned_token(f"token {len(self.requests)}"))


@pytest.fixture
def entra(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    """Entra, for an app registration that trusts the managed identity."""
    entra = Entra()
    with (
        Scripted(lambda request: token_reply(mark="client assertion")) as endpoint,
        fake_entra(caller, tmp_path, monkeypatch, entra),
    ):
        caller.uses_endpoint(endpoint.origin)
        yield entra


def as_application(caller: Caller, origin: str) -> DownstreamApi:
    return caller.api(origin, CREDENTIAL="application")


def status_of(problem: Problem) -> int:
    return problem.members["downstream"]["status"]


CALLS = [
    ("as the app registration", {"CREDENTIAL": "application"}, {}),
    ("on behalf of a user", {}, {"user": forged_assertion()}),
]


@pytest.mark.parametrize(("who", "settings", "options"), CALLS, ids=[case[0] for case in CALLS])
@pytest.mark.parametrize(("rejection", "claims"), [(MISSING_ROLE, None), (CHALLENGE, CLAIMS)], ids=["role", "claims"])
def test_rejected_request_is_repeated_once_with_a_new_token(
    rejection, claims, who, settings, options, caller: Caller, entra: Entra
):
    with Scripted(Api(rejection, {"token 2"})) as api:
        client = caller.api(api.origin, **settings)
        if claims is None:
            # A missing role is final if the token was requested during the same call.
            assert status_of(caller.problem_of(client.get(**options))) == 403
            assert len(api.requests) == len(entra.requests) == 1
            api.requests.clear()
        response = caller.run(client.post("/orders", json={"quantity": 1}, **options))
        assert response.status == 200
        caller.run(client.get(**options))
    first, second, third = api.requests
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert second.headers["authorization"] == third.headers["authorization"] == f"Bearer {unsigned_token('token 2')}"
    assert [request.get("claims") for request in entra.requests] == [None, claims]


@pytest.mark.parametrize(("who", "settings", "options"), CALLS, ids=[case[0] for case in CALLS])
@pytest.mark.parametrize("rejection", [MISSING_ROLE, CHALLENGE], ids=["role", "claims"])
def test_request_is_never_repeated_in_a_loop(rejection, who, settings, options, caller: Caller, entra: Entra):
    with Scripted(Api(rejection)) as api:
        client = caller.api(api.origin, **settings)
        for _ in range(10):
            problem = caller.problem_of(client.get(**options))
            assert (problem.code, status_of(problem)) == ("downstream_error", 403 if rejection is MISSING_ROLE else 401)
    # Only one renewal is made per 30 seconds, so only one of the ten requests is sent twice.
    assert len(entra.requests) == 2
    assert len(api.requests) == 11


def test_64_callers_wait_for_one_new_token(caller: Caller, entra: Entra):
    async def calls(client: DownstreamApi) -> list[int]:
        return [response.status for response in await asyncio.gather(*(client.get() for _ in range(64)))]

    with Scripted(Api(accepted={"token 2"})) as api:
        client = as_application(caller, api.origin)
        assert status_of(caller.problem_of(client.get())) == 403
        assert caller.run(calls(client)) == [200] * 64
    assert len(entra.requests) == 2


def test_64_cold_callers_without_the_role_request_one_token(caller: Caller, entra: Entra):
    async def calls(client: DownstreamApi) -> set[str]:
        outcomes = await asyncio.gather(*(client.get() for _ in range(64)), return_exceptions=True)
        return {str(outcome) for outcome in outcomes}

    with Scripted(Api()) as api:
        assert caller.run(calls(as_application(caller, api.origin))) == {"downstream_error"}
    assert (len(entra.requests), len(api.requests)) == (1, 64)


def test_managed_identity_token_is_never_renewed(caller: Caller):
    """The platform would return the same token for up to 24 hours."""
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(Api()) as api:
        caller.uses_endpoint(endpoint.origin)
        problem = caller.problem_of(caller.api(api.origin).get())
    assert (problem.code, status_of(problem)) == ("downstream_error", 403)
    assert (len(endpoint.requests), len(api.requests)) == (1, 1)


def test_unchanged_token_is_not_sent_again(caller: Caller, entra: Entra):
    """Entra may return an unchanged token."""
    entra.reply = token_response(unsigned_token("token 1"))
    with Scripted(Api()) as api:
        client = as_application(caller, api.origin)
        assert [status_of(caller.problem_of(client.get())) for _ in range(2)] == [403, 403]
    assert (len(entra.requests), len(api.requests)) == (2, 2)


FAILURES = [
    ("outage", as_json(503, {})),
    ("rejected", as_json(400, {"error": "invalid_grant", "error_codes": [50013]})),
    ("timeout", HANG),
]


@pytest.mark.parametrize(("why", "reply"), FAILURES, ids=[case[0] for case in FAILURES])
def test_failed_renewal_reports_the_first_response(why, reply, caller: Caller, entra: Entra):
    entra.reply = reply
    with Scripted(Api()) as api:
        client = as_application(caller, api.origin)
        caller.problem_of(client.get())
        problem = caller.problem_of(client.get(timeout=1 if why == "timeout" else 10))
    assert (problem.code, status_of(problem)) == ("downstream_error", 403)
    assert len(entra.requests) > 1
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [200, 400])
def test_response_that_contains_the_first_token_after_a_renewal_is_not_forwarded(status, caller: Caller, entra: Entra):
    first = unsigned_token("token 1")

    def respond(request: Request) -> Reply:
        if request.headers["authorization"] == f"Bearer {first}":
            return CHALLENGE
        return as_json(status, {"code": "x", "detail": f"the first was {first}"})

    with Scripted(respond) as api:
        problem = caller.problem_of(as_application(caller, api.origin).get())
    assert problem.code == ("downstream_invalid_response" if status == 200 else "downstream_error")
    assert first not in json.dumps(problem.members) + problem.detail


def test_timeout_of_entra_is_not_attributed_to_the_identity_endpoint(caller: Caller, entra: Entra):
    entra.reply, entra.requests = HANG, [{}]
    problem = caller.problem_of(as_application(caller, "https://api.example").get(timeout=1))
    assert (problem.code, problem.detail) == ("token_unavailable", authentication.NO_RESPONSE)


def test_renewal_that_requires_the_user_is_reported(caller: Caller, entra: Entra):
    """https://learn.microsoft.com/entra/identity-platform/claims-challenge"""
    entra.reply = as_json(400, {"error": "interaction_required", "error_codes": [50076], "claims": CLAIMS})
    with Scripted(Api(CHALLENGE)) as api:
        problem = caller.problem_of(caller.api(api.origin).get(user=forged_assertion()))
    assert problem.code == "interaction_required"
    assert base64.b64decode(problem.challenge["claims"]).decode() == CLAIMS
    assert len(api.requests) == 1


def test_other_errors_request_no_new_token(caller: Caller, entra: Entra):
    for status in (400, 401, 403, 404):
        with Scripted(Api(as_json(status, {"code": "missing_scope"}))) as api:
            assert status_of(caller.problem_of(as_application(caller, api.origin).post())) == status
            assert len(api.requests) == 1
    assert len(entra.requests) == 1


def test_developer_gets_a_new_token(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """EnvironmentCredential caches tokens, so a renewal must not use the same credential."""
    entra = Entra()
    with fake_entra(caller, tmp_path, monkeypatch, entra) as server, Scripted(Api(accepted={"token 2"})) as api:
        caller.set(
            {
                "AZURE_AUTHORITY_HOST": server.origin,
                "AZURE_TENANT_ID": "10ca1000-0000-4000-8000-000000000001",
                "AZURE_CLIENT_ID": "dae00001-c11d-4000-8000-000000000000",
                "AZURE_CLIENT_SECRET": "secret of this test",
                "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
            }
        )
        client = caller.api(api.origin)
        assert status_of(caller.problem_of(client.get())) == 403
        assert caller.run(client.get()).status == 200
    assert len(entra.requests) == 2


def test_token_request_is_made_as_the_app_registration(caller: Caller, entra: Entra):
    with Scripted(Api(accepted={"token 1"})) as api:
        caller.run(as_application(caller, api.origin).get())
    (form,) = entra.requests
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion"] == unsigned_token("client assertion")
    assert form["scope"] == SCOPE
    assert "client_secret" not in json.dumps(form)


def test_settings_of_the_application_credential_are_named(caller: Caller):
    problem = caller.problem_of(caller.api("https://api.example", CREDENTIAL="application").get())
    expected = ["ENTRA_TENANT_ID", "MSI_FUNC_CLIENT_ID", "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"]
    assert problem.members["settings"] == expected
    problem = caller.problem_of(caller.api("https://api.example", CREDENTIAL="secret").get())
    assert problem.members["settings"] == ["TEST_API_CREDENTIAL"]


def test_minimum_renewal_interval_is_30_seconds():
    assert token_cache.MIN_RENEWAL_INTERVAL == 30
