"""The doctor's requests: their recipients and credentials, and the earlier responses that each depends on."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from local_azure.testing import LocalTenant
from tests.support.clock import MUCH_LATER
from tests.support.scripted import HANG, Reply, Scripted, as_json
from tools import collection
from tools.collection import Target, collect
from tools.diagnosis.evidence import Evidence
from tools.forged import NOBODY
from tools.probe import ProbeResult

CLIENT_ID, TYPO = "aad00002-c11d-4000-8000-000000000000", "aad00002-c11d-4000-8000-00000000000f"
SCOPE = f"api://{CLIENT_ID}/.default"
STAGING = "msi-func/slots/staging"
ACCEPTED = as_json(200, {"caller": {}, "claims": {"tid": NOBODY, "aud": "x"}})
REJECTED = as_json(401, {"code": "missing_token"})
Run = Callable[[Any], Any]


def denied(code: str, **members: Any) -> Reply:
    inner = {"status": 403, "code": code, **members}
    return as_json(502, {"code": "downstream_error", "downstream": inner})


class Examined:
    """The evidence about two servers, and their requests."""

    def __init__(self, run: Run, msi: Reply, aad: Reply | None, *, query: str = "", seconds: float = 10) -> None:
        self.reported: list[str] = []
        self.progress: list[str] = []
        with Scripted(lambda request: msi) as caller, Scripted(lambda request: aad or REJECTED) as api:
            headers = {"x-functions-key": "key", "Authorization": "Bearer user"}
            target = Target(f"{caller.origin}/api/msi-func{query}", api.origin if aad else "", headers, seconds)
            self.evidence: Evidence = run(collect(target, self.report, self.progress.append))
        self.to_msi, self.to_aad = caller.requests, api.requests

    def report(self, name: str, result: ProbeResult) -> None:
        self.reported.append(name)


def test_credentials_are_sent_to_msi_func_and_forged_ones_to_aad_func(run_tool: Run):
    seen = Examined(run_tool, ACCEPTED, REJECTED)
    assert [request.headers["x-functions-key"] for request in seen.to_msi] == ["key"] * 2
    assert all("x-functions-key" not in request.headers for request in seen.to_aad)
    tokens = [request.headers.get("authorization", "") for request in seen.to_aad]
    assert "Bearer user" not in tokens
    (forged,) = filter(None, tokens)
    claims = jwt.decode(forged.removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["oid"], claims["aud"]) == (NOBODY, "x")
    assert sum("x-ms-client-principal" in request.headers for request in seen.to_aad) == 1
    assert {request.method for request in (*seen.to_msi, *seen.to_aad)} == {"GET"}
    assert sorted(seen.reported) == ["aad-func", "forged principal", "forged token", "msi-func", "without a token"]


WITHOUT_TOKEN = [
    ("", "?auth=0"),
    ("?as=user", "?auth=0"),
    ("?x=1&AS=user&auth=1&y=2", "?x=1&y=2&auth=0"),
    ("?asset=1", "?asset=1&auth=0"),
    ("?&", "?auth=0"),
]


@pytest.mark.parametrize(("query", "expected"), WITHOUT_TOKEN)
def test_call_without_a_token_keeps_the_rest_of_the_query(query, expected, run_tool: Run):
    seen = Examined(run_tool, ACCEPTED, None, query=query)
    assert [request.target for request in seen.to_msi] == [f"/api/msi-func{query}", f"/api/msi-func{expected}"]
    assert seen.evidence.direct is None


NOT_CALLED = [
    ("a missing setting", as_json(500, {"code": "misconfigured"})),
    ("no token", as_json(502, {"code": "token_unavailable"})),
    ("a response of another app", as_json(200, {})),
]


@pytest.mark.parametrize(("why", "reply"), NOT_CALLED, ids=[case[0] for case in NOT_CALLED])
def test_call_without_a_token_is_made_only_if_msi_func_called_aad_func(why, reply, run_tool: Run):
    seen = Examined(run_tool, reply, REJECTED)
    assert seen.evidence.without_token is None
    assert len(seen.to_msi) == 1
    assert seen.evidence.forged_token is not None


def test_forged_credentials_are_sent_only_if_aad_func_responds(run_tool: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AAD_FUNC_URL", "http://127.0.0.1:9/api/aad-func")
    seen = Examined(run_tool, ACCEPTED, None)
    assert seen.evidence.direct
    assert seen.evidence.direct.reason == "the connection was refused"
    assert (seen.evidence.forged_principal, seen.evidence.forged_token) == (None, None)


def test_all_requests_together_are_limited_in_time(run_tool: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collection, "PROGRESS_EVERY", 0.2)
    start = time.monotonic()
    seen = Examined(run_tool, HANG, HANG, seconds=1)
    assert time.monotonic() - start < MUCH_LATER
    assert seen.evidence.call.reason == "no complete response within the time limit"
    assert any(line.startswith("waiting for msi-func: ") for line in seen.progress)
    assert sorted(seen.reported) == ["aad-func", "msi-func"]


@pytest.fixture
def deployed(local_azure: LocalTenant, monkeypatch: pytest.MonkeyPatch) -> LocalTenant:
    """The doctor runs with the settings of msi-func's slot, which has no role."""
    local_azure.environment(STAGING)
    monkeypatch.setenv("AAD_FUNC_SCOPE", SCOPE)
    monkeypatch.setenv("AAD_FUNC_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("ENTRA_TENANT_ID", local_azure.tenant_id)
    monkeypatch.setenv("ENTRA_AUTHORITY", local_azure.authority.rpartition("/")[0])
    return local_azure


APPLICATION, USER = {"kind": "application"}, {"kind": "user"}
REASONS = [
    ("an application without the role", denied("missing_role", caller=APPLICATION), True),
    ("a user without the role", denied("missing_role", caller=USER), False),
    ("another error", denied("caller_not_allowed", caller=APPLICATION), False),
    ("no error", ACCEPTED, False),
]


@pytest.mark.parametrize(("why", "reply", "is_requested"), REASONS, ids=[case[0] for case in REASONS])
def test_new_token_is_requested_only_if_it_can_explain_a_missing_role(
    why, reply, is_requested, run_tool: Run, deployed: LocalTenant
):
    fresh = Examined(run_tool, reply, None).evidence.fresh
    assert (fresh is not None) == is_requested
    assert deployed.requests["msi"] == is_requested
    assert fresh is None or not fresh.has_role


def test_no_token_is_requested_without_the_apps_identity(
    run_tool: Run, deployed: LocalTenant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    assert Examined(run_tool, denied("missing_role", caller=APPLICATION), None).evidence.fresh is None
    assert Examined(run_tool, denied("wrong_audience"), None).evidence.is_client_id_known is None
    assert deployed.requests["msi"] == 0


CLIENT_IDS = [
    ("an API of the tenant", CLIENT_ID, None, True),
    ("an API that does not exist", TYPO, None, False),
    ("not a client ID", "aad-func", None, None),
    ("an endpoint that is throttled", CLIENT_ID, 429, None),
]


@pytest.mark.parametrize(("why", "client_id", "status", "known"), CLIENT_IDS, ids=[case[0] for case in CLIENT_IDS])
def test_client_id_is_looked_up_for_a_wrong_audience(
    why, client_id, status, known, run_tool: Run, deployed: LocalTenant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AAD_FUNC_CLIENT_ID", client_id)
    if status:
        deployed.faults.inject("msi", status=status)
    assert Examined(run_tool, denied("wrong_audience"), None).evidence.is_client_id_known is known
