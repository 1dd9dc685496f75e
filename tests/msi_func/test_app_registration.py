"""AppRegistration: settings, early rejection, token requests to Entra, and invalid responses of Entra."""

import gzip
import logging
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.problems import Problem, problem_response
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from msi_func import app_registration, credentials, entra_errors, token_errors
from msi_func.app_registration import AppRegistration
from msi_func.downstream_errors import with_prefix
from msi_func.user_assertion import UserAssertion
from tests.support import users
from tests.support.caller import SCOPE, Caller, caller, token_reply, unsigned_token
from tests.support.clock import MUCH_LATER
from tests.support.fake_entra import (
    REJECTED,
    TENANT,
    fake_entra,
    forged_assertion,
    on_behalf_of_settings,
    token_response,
)
from tests.support.large_response import LargeResponse, large_head
from tests.support.scripted import CLOSE, HANG, RESET, Reply, Scripted, as_json, dripping, http
from tests.support.users import IDENTITY, MSI_FUNC

__all__ = ["caller"]

OK = as_json(200, {"ok": True})
MEGABYTE = 1024 * 1024


def user_of(local_azure: LocalTenant, user: str = users.DEVELOPER, **claims: str) -> UserAssertion:
    return UserAssertion.from_header(f"Bearer {local_azure.token('msi-func-api', user=user, claims=claims)}")


@pytest.fixture
def endpoint(caller: Caller) -> Iterator[Scripted]:
    """The identity endpoint."""
    with Scripted(lambda request: token_reply(mark="client assertion")) as running:
        caller.uses_endpoint(running.origin)
        yield running


def exchange(caller: Caller, user: UserAssertion) -> str:
    return caller.run(AppRegistration.from_settings().acquire_token_on_behalf_of(user, SCOPE)).token


def failure(caller: Caller, user: UserAssertion) -> Problem:
    return caller.problem_of(AppRegistration.from_settings().acquire_token_on_behalf_of(user, SCOPE))


# Settings


def test_each_cloud_has_its_own_audience_of_the_client_assertion():
    """https://learn.microsoft.com/graph/api/resources/federatedidentitycredential"""
    exchanges = app_registration.TOKEN_EXCHANGES
    assert app_registration.PUBLIC_TOKEN_EXCHANGE == "api://AzureADTokenExchange"
    assert exchanges["login.microsoftonline.us"] == "api://AzureADTokenExchangeUSGov"
    chinese = {exchanges["login.partner.microsoftonline.cn"], exchanges["login.chinacloudapi.cn"]}
    assert chinese == {"api://AzureADTokenExchangeChina"}


def test_settings_are_read(caller: Caller):
    caller.set(on_behalf_of_settings("https://login.example/") | {"MSI_FUNC_CLIENT_ID": MSI_FUNC.upper()})
    assert AppRegistration.from_settings() == AppRegistration(TENANT, "https://login.example", MSI_FUNC, IDENTITY)


def test_missing_settings_are_named_together_and_app_calls_work(
    caller: Caller, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    environment = local_azure_server.environment("msi-func")
    caller.set({name: environment[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")})
    with Scripted(lambda request: OK) as api:
        client = caller.api(api.origin)
        problem = caller.problem_of(client.get(user=user_of(local_azure)))
        assert problem.code == "misconfigured"
        named = ["ENTRA_TENANT_ID", "MSI_FUNC_CLIENT_ID", "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"]
        assert problem.members["settings"] == named
        assert caller.run(client.get()).status == 200


APPLICATION = "dae00001-c11d-4000-8000-000000000000"  # trusts no identity
OTHER_TENANT = "10ca1000-0000-4000-8000-00000000000f"
UNKNOWN_CLIENT = "dae0000f-c11d-4000-8000-000000000000"
WRONG_SETTINGS = [
    (401, "interaction_required", {"TEST_API_SCOPE": "api://aad00001-c11d-4000-8000-000000000000/.default"}, {}),
    (403, "user_not_assigned", {"TEST_API_SCOPE": "api://aad00003-c11d-4000-8000-000000000000/.default"}, {}),
    (502, "token_unavailable", {"TEST_API_SCOPE": "api://nowhere/.default"}, {}),
    # The audience or the tenant of the user's token does not match these settings.
    (401, "user_token_wrong_audience", {"MSI_FUNC_CLIENT_ID": APPLICATION}, {}),
    (401, "user_token_rejected", {"ENTRA_TENANT_ID": OTHER_TENANT}, {}),
    (502, "federated_credential_mismatch", {"MSI_FUNC_CLIENT_ID": APPLICATION}, {"aud": APPLICATION}),
    (502, "token_unavailable", {"MSI_FUNC_CLIENT_ID": UNKNOWN_CLIENT}, {"aud": UNKNOWN_CLIENT}),
    (502, "token_unavailable", {"ENTRA_TENANT_ID": OTHER_TENANT}, {"tid": OTHER_TENANT}),
    (
        502,
        "federated_credential_mismatch",
        {"MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00001-c11d-4000-8000-000000000000"},
        {},
    ),
    (502, "token_unavailable", {"MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00002-c11d-4000-8000-000000000000"}, {}),
    (502, "token_unavailable", {"ENTRA_AUTHORITY": "https://127.0.0.1:1"}, {}),
    (502, "token_unavailable", {"SSL_CERT_FILE": "/does/not/exist"}, {}),
    (500, "misconfigured", {"ENTRA_AUTHORITY": "http://127.0.0.1:8400"}, {}),
    (500, "misconfigured", {"MSI_FUNC_CLIENT_ID": ""}, {}),
]


@pytest.mark.parametrize(
    ("status", "code", "settings", "claims"), WRONG_SETTINGS, ids=[str(case[2:]) for case in WRONG_SETTINGS]
)
def test_wrong_setting_is_reported(status, code, settings, claims, caller: Caller, local_azure: LocalTenant):
    user = user_of(local_azure, **claims)
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    with Scripted(lambda request: OK) as api:
        client = caller.api(api.origin)
        caller.set(settings)
        problem = caller.problem_of(client.get(user=user))
    response = problem_response(problem)
    assert (response.status_code, problem.code) == (status, code), problem.detail
    assert api.requests == []
    if status == 401:
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    if code == "misconfigured":
        assert problem.members["settings"] == list(settings)


AS_APPLICATION = [
    ("federated_credential_mismatch", "", {"MSI_FUNC_CLIENT_ID": APPLICATION}),
    ("token_unavailable", entra_errors.CAUSES[700016], {"MSI_FUNC_CLIENT_ID": UNKNOWN_CLIENT}),
    ("token_unavailable", entra_errors.CAUSES[500011], {"TEST_API_SCOPE": "api://nowhere/.default"}),
    (
        "token_unavailable",
        entra_errors.CAUSES[501051],
        {"TEST_API_SCOPE": "api://aad00003-c11d-4000-8000-000000000000/.default"},
    ),
    ("token_unavailable", entra_errors.REQUEST_REJECTED, {"ENTRA_TENANT_ID": OTHER_TENANT}),
    ("token_unavailable", entra_errors.ENTRA_UNAVAILABLE, {"ENTRA_AUTHORITY": "https://127.0.0.1:1"}),
    (
        "token_unavailable",
        token_errors.NOT_ATTACHED.replace("AAD_FUNC_IDENTITY_CLIENT_ID", "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"),
        {"MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00002-c11d-4000-8000-000000000000"},
    ),
]


@pytest.mark.parametrize(("code", "detail", "settings"), AS_APPLICATION, ids=[str(case[2]) for case in AS_APPLICATION])
def test_wrong_setting_of_the_application_credential_is_reported(
    code, detail, settings, caller: Caller, local_azure: LocalTenant
):
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    with Scripted(lambda request: OK) as api:
        client = caller.api(api.origin, CREDENTIAL="application")
        caller.set(settings)
        problem = caller.problem_of(client.get())
        assert (problem.code, problem.type.status) == (code, 502), problem.detail
        assert not detail or problem.detail == with_prefix(detail, "TEST_API")
        assert api.requests == []


def test_claims_challenge_for_an_application_is_not_forwarded(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch
):
    """Only a user can satisfy Entra's claims challenge."""
    reply = as_json(400, {"error": "interaction_required", "error_codes": [50076], "claims": "{}"})
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply):
        problem = caller.problem_of(caller.api("https://api.example", CREDENTIAL="application").get())
    assert (problem.code, problem.detail) == ("token_unavailable", entra_errors.REQUEST_REJECTED)
    assert problem.challenge == {}


# Early rejection

FORGED = [
    ("another audience", {"aud": "aad00002-c11d-4000-8000-000000000000"}, "user_token_wrong_audience"),
    ("no audience", {"aud": None}, "user_token_wrong_audience"),
    ("a list of audiences", {"aud": [MSI_FUNC]}, "user_token_wrong_audience"),
    ("another tenant", {"tid": "10ca1000-0000-4000-8000-00000000000f"}, "user_token_rejected"),
    ("no tenant", {"tid": None}, "user_token_rejected"),
    ("expired", {"exp": 1_700_000_000}, "user_token_expired"),
]


@pytest.mark.parametrize(("why", "changes", "code"), FORGED, ids=[case[0] for case in FORGED])
def test_assertion_that_entra_would_reject_makes_no_request(
    why, changes, code, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: REJECTED) as entra, Scripted(lambda r: OK) as api:
        problem = caller.problem_of(caller.api(api.origin).get(user=forged_assertion(**changes)))
    assert problem.code == code
    assert entra.requests == endpoint.requests == api.requests == []
    assert entra.connections == 0


@pytest.mark.parametrize("audience", [MSI_FUNC, f"api://{MSI_FUNC}"])
def test_assertion_for_this_app_is_sent_to_entra(
    audience, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda r: token_response()) as entra, Scripted(lambda r: OK) as api:
        assert caller.run(caller.api(api.origin).get(user=forged_assertion(aud=audience))).status == 200
    assert [request.method for request in entra.requests] == ["POST"]
    assert api.requests[0].headers["authorization"] == f"Bearer {unsigned_token('on-behalf-of')}"


# Invalid responses of Entra

UNAVAILABLE, REQUEST_REJECTED = entra_errors.ENTRA_UNAVAILABLE, entra_errors.REQUEST_REJECTED
JSON = "application/json"
INVALID_RESPONSES = [
    ("rejection", REJECTED, "user_token_rejected", ""),
    ("rejected client", as_json(401, {"error": "invalid_client", "error_codes": [1]}), "", REQUEST_REJECTED),
    ("throttled", as_json(429, {"error": "x"}, Retry_After="3600"), "", UNAVAILABLE),
    ("server error", http(500), "", UNAVAILABLE),
    ("overloaded", as_json(503, {"error": "temporarily_unavailable"}, Retry_After="3600"), "", UNAVAILABLE),
    ("empty", http(200), "", UNAVAILABLE),
    ("HTML", http(200, b"<html>", Content_Type="text/html"), "", UNAVAILABLE),
    ("malformed JSON", http(200, b"{", Content_Type=JSON), "", UNAVAILABLE),
    ("deeply nested JSON", http(200, b"[" * 100_000, Content_Type=JSON), "", UNAVAILABLE),
    ("JSON list", as_json(200, ["access_token"]), "", UNAVAILABLE),
    ("JSON string", as_json(200, "access_token"), "", UNAVAILABLE),
    ("JSON list as error", as_json(400, ["error"]), "", UNAVAILABLE),
    ("without token", as_json(200, {"expires_in": 3600}), "", UNAVAILABLE),
    ("without expiry", as_json(200, {"access_token": "a.b.c"}), "", UNAVAILABLE),
    ("a date as expiry", token_response(expires_in="9/14/2030"), "", UNAVAILABLE),
    ("expired token", token_response(expires_in=-60), "", token_errors.EXPIRED),
    ("redirect", http(302, Location="/elsewhere"), "", UNAVAILABLE),
    ("reset", RESET, "", UNAVAILABLE),
    ("closed", CLOSE, "", UNAVAILABLE),
    ("incomplete body", Reply(token_response().data[:-9], then="close"), "", UNAVAILABLE),
    ("not HTTP", Reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", then="close"), "", UNAVAILABLE),
]


@pytest.mark.parametrize(
    ("why", "reply", "code", "detail"), INVALID_RESPONSES, ids=[case[0] for case in INVALID_RESPONSES]
)
def test_invalid_response_of_entra_is_reported(
    why, reply, code, detail, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply) as entra:
        start = time.monotonic()
        problem = failure(caller, forged_assertion())
        assert time.monotonic() - start < MUCH_LATER  # not the hour of Retry-After
    assert problem.code == (code or "token_unavailable")
    assert not detail or problem.detail == detail
    assert 1 <= len(entra.requests) <= 1 + credentials.RETRIES


UNSENDABLE = [None, 5, ["a.b.c"], "", "a b", "a\r\nX: y", "t\u00f6ken", "\ud800"]


@pytest.mark.parametrize("token", UNSENDABLE, ids=repr)
def test_unsendable_token_is_not_sent_to_the_api(
    token, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reply = as_json(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply), Scripted(lambda request: OK) as api:
        problem = caller.problem_of(caller.api(api.origin).get(user=forged_assertion()))
    assert (problem.code, problem.detail) == ("token_unavailable", UNAVAILABLE)
    assert api.requests == []


SLOW = [("no response", HANG), ("headers sent byte by byte", dripping(token_response()))]


@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_slow_response_of_entra_ends_at_the_time_limit_of_the_call(
    why, reply, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply), Scripted(lambda request: OK) as api:
        start = time.monotonic()
        problem = caller.problem_of(caller.api(api.origin).get(user=forged_assertion(), timeout=0.3))
        assert time.monotonic() - start < 3
    assert (problem.code, api.requests) == ("token_unavailable", [])


def test_hanging_entra_ends_at_the_time_limit_of_an_attempt(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credentials, "ATTEMPT_TIMEOUT", 0.3)
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: HANG):
        start = time.monotonic()
        assert failure(caller, forged_assertion()).detail == UNAVAILABLE
        assert time.monotonic() - start < MUCH_LATER


LARGE = [
    ("300 MB", {"server": LargeResponse, "megabytes": 300}, large_head(300)),
    ("gzip bomb", {}, http(200, gzip.compress(bytes(100 * MEGABYTE)), Content_Encoding="gzip", Content_Type=JSON)),
]


@pytest.mark.parametrize(("why", "options", "reply"), LARGE, ids=[case[0] for case in LARGE])
def test_large_response_of_entra_is_cut_off(
    why, options, reply, caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply, **options) as entra:
        tracemalloc.start()
        try:
            assert failure(caller, forged_assertion()).detail == UNAVAILABLE
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert getattr(entra, "sent_bytes", 0) < 30 * MEGABYTE
    assert peak < 20 * MEGABYTE


def test_redirect_of_entra_is_not_followed(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with Scripted(lambda request: token_response()) as other:
        redirect = http(307, Location=f"{other.origin}/token")
        with fake_entra(caller, tmp_path, monkeypatch, lambda request: redirect):
            assert failure(caller, forged_assertion()).code == "token_unavailable"
    assert other.requests == []


def test_failed_identity_endpoint_is_reported(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    endpoint.answer = lambda request: as_json(500, {"statusCode": 500})
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: token_response()) as entra:
        assert failure(caller, forged_assertion()).detail == token_errors.GENERIC_ERROR
    assert entra.requests == []


# Transport


def test_netrc_credentials_never_reach_entra_or_the_identity_endpoint(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password netrc-password\ndefault login x password y\n")
    caller.set({"NETRC": str(netrc)})
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: token_response()) as entra:
        assert exchange(caller, forged_assertion()) == unsigned_token("on-behalf-of")
    assert len(entra.requests) == len(endpoint.requests) == 1
    assert "authorization" not in entra.requests[0].headers
    assert "authorization" not in endpoint.requests[0].headers


# Not a loopback address, but on Linux it connects to this machine. Nothing listens on port 1.
NEARBY = "0.0.0.0:1"


@pytest.mark.parametrize(("no_proxy", "targets"), [("", [NEARBY]), ("0.0.0.0", [])])
def test_entra_is_called_through_the_proxy_of_the_environment(no_proxy, targets, caller: Caller, endpoint: Scripted):
    with Scripted(lambda request: Reply(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", then="close")) as proxy:
        caller.set({"HTTPS_PROXY": proxy.origin, "HTTP_PROXY": proxy.origin, "NO_PROXY": no_proxy})
        caller.set({"no_proxy": no_proxy})
        caller.set(on_behalf_of_settings(f"https://{NEARBY}"))
        assert failure(caller, forged_assertion()).detail == UNAVAILABLE
    assert {request.method for request in proxy.requests} == {"CONNECT" for _ in targets}
    assert list(dict.fromkeys(request.target for request in proxy.requests)) == targets
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:1"])
def test_unusable_proxy_is_reported_as_an_outage(proxy, caller: Caller, endpoint: Scripted):
    caller.set({"HTTPS_PROXY": proxy} | on_behalf_of_settings("https://login.example"))
    problem = failure(caller, forged_assertion())
    assert (problem.code, problem.detail) == ("token_unavailable", UNAVAILABLE)


def test_certificate_that_is_not_trusted_is_an_outage(
    caller: Caller, endpoint: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fake_entra(caller, tmp_path, monkeypatch, lambda request: token_response()) as entra:
        monkeypatch.delenv("SSL_CERT_FILE")
        assert failure(caller, forged_assertion()).detail == UNAVAILABLE
    assert entra.requests == []


# Entra as emulated by local_azure


FAULTS = [
    ("token", {"status": 503}, UNAVAILABLE),
    ("token", {"status": 429}, UNAVAILABLE),
    ("token", {"truncate": True}, UNAVAILABLE),
    ("token", {"reset": True}, UNAVAILABLE),
    ("msi", {"status": 500}, token_errors.GENERIC_ERROR),
]


@pytest.mark.parametrize(("fault_at", "fault", "detail"), FAULTS)
def test_fault_is_reported_until_it_is_cleared(fault_at, fault, detail, local_azure: LocalTenant, caller: Caller):
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    user = user_of(local_azure)
    with Scripted(lambda request: OK) as api:
        client = caller.api(api.origin)
        local_azure.faults.inject(fault_at, **fault)
        problem = caller.problem_of(client.get(user=user))
        expected = with_prefix(detail, "TEST_API")
        assert (problem.code, problem.detail, api.requests) == ("token_unavailable", expected, [])

        local_azure.faults.clear()
        caller.restart()  # drops the cached failure
        assert caller.run(client.get(user=user)).json() == {"ok": True}
        assert "authorization" in api.requests[0].headers


def test_token_that_arrives_late_serves_the_next_call(local_azure: LocalTenant, caller: Caller):
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    user = user_of(local_azure)
    with Scripted(lambda request: OK) as api:
        client = caller.api(api.origin)
        local_azure.faults.inject("token", delay=2)
        assert caller.problem_of(client.get(user=user, timeout=0.5)).code == "token_unavailable"
        assert caller.run(client.get(user=user, timeout=30)).status == 200
    assert local_azure.requests["token"] == 1


def test_logger_that_msal_creates_later_is_redacted(local_azure: LocalTenant, caller: Caller, caplog):
    """MSAL logs Entra's complete responses to this logger."""
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    token = exchange(caller, user_of(local_azure))
    caplog.set_level(logging.DEBUG, logger="msal")
    logging.getLogger("msal.oauth2cli.oauth2").debug("status=200, body=%s", {"access_token": token})
    assert "status=200" in caplog.text
    assert not any(part in caplog.text for part in token.split("."))


@pytest.mark.parametrize(
    ("user", "reply"),
    [
        (users.DEVELOPER, None),
        (users.GUARDED, None),
        (users.DEVELOPER, REJECTED),
        (users.DEVELOPER, http(200, b'{"access_token": "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.sig', Content_Type=JSON)),
    ],
)
def test_no_part_of_a_token_is_logged_at_debug(
    user, reply, local_azure: LocalTenant, caller: Caller, caplog, tmp_path: Path, monkeypatch
):
    for name in ("aiohttp", "azure", "azure.identity", "msal", "urllib3", "msi_func", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    assertion, secrets = user_of(local_azure, user), []
    if reply is None:
        if user == users.DEVELOPER:
            secrets.append(exchange(caller, assertion))
        else:
            assert failure(caller, assertion).code == "interaction_required"
    else:
        with fake_entra(caller, tmp_path, monkeypatch, lambda request: reply):
            failure(caller, assertion)
    assert "OnBehalfOfCredential" in caplog.text
    assert "eyJ" not in caplog.text
    for token in (assertion.value, *secrets):
        assert not any(part in caplog.text for part in token.split("."))


def test_forged_signature_is_rejected_by_entra(local_azure: LocalTenant, caller: Caller):
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    valid, other = user_of(local_azure), user_of(local_azure)
    forged = valid.value.rpartition(".")[0] + "." + other.value.rpartition(".")[2]
    assert exchange(caller, valid).count(".") == 2
    assert failure(caller, UserAssertion.from_header(f"Bearer {forged}")).code == "user_token_rejected"
