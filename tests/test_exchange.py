"""The exchange when Entra or the identity does not do its part, and what is made of answers that are not as usual."""

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msi_func.refusals import problem_for
from msi_func.user_token import user_token

from common import problems
from common.problems import Problem
from local_azure.cloud import LocalAzure
from local_azure.directory import load
from local_azure.traffic import Fault
from msi_func import causes, credentials
from tests.support import users
from tests.support.caller import SCOPE, Caller, caller
from tests.support.scripted import Reply, Request, Scripted, as_json, certified

__all__ = ["caller"]

OK = as_json(200, {"ok": True})


@pytest.fixture
def azure(state: Path) -> Iterator[LocalAzure]:
    """A tenant for tests that put faults into it."""
    with LocalAzure(load(), port=0, state=state) as running:
        yield running


FAULTS = [
    ("token", Fault(status=503), "Entra cannot be reached"),
    ("token", Fault(status=429), "Entra cannot be reached"),
    ("token", Fault(garbage=True), "Entra cannot be reached"),
    ("token", Fault(reset=True), "Entra cannot be reached"),
    ("token", Fault(delay=2.5), "Entra cannot be reached"),
    ("metadata", Fault(status=500), "Entra cannot be reached"),
    ("msi", Fault(status=500), "The identity endpoint gave its general error"),
]


@pytest.mark.parametrize(("endpoint", "fault", "detail"), FAULTS)
def test_a_fault_is_told_within_the_time_and_over_when_it_is_over(
    endpoint, fault, detail, azure: LocalAzure, caller: Caller
):
    caller.is_site(azure)
    caller.set(users.on_behalf_of_settings(azure))
    user = user_token(f"Bearer {users.user_token(azure)}")
    with Scripted(lambda request: as_json(200, {"ok": True})) as api:
        downstream = caller.api(api.origin, TIMEOUT_SECONDS="1" if fault.delay else "8")
        azure.traffic.put(endpoint, fault)
        start = time.monotonic()
        with pytest.raises(Problem) as raised:
            downstream.get(user_token=user)
        assert time.monotonic() - start < 10
        assert (raised.value.code, api.requests) == ("token_unavailable", [])
        assert raised.value.detail.startswith(detail)

        azure.traffic.clear()
        if endpoint != "msi":  # a failure of the identity's is shared for some seconds
            patient = caller.api(api.origin, TIMEOUT_SECONDS="30")  # an exchange that is late is waited for
            assert json.loads(patient.get(user_token=user)) == {"ok": True}
            assert "authorization" in api.requests[0].headers


@pytest.mark.parametrize("token", [None, 5, ["a.b.c"], "", "a b", "a\r\nX: y", "t\u00f6ken", "\ud800"])
def test_what_is_no_token_is_not_sent_to_the_api(token, azure: LocalAzure, caller: Caller, tmp_path: Path, monkeypatch):
    def entra(request: Request) -> Reply:
        tenant = f"{authority.origin}/{azure.directory.tenant_id}"
        if request.method == "GET":
            return as_json(
                200, {f"{one}_endpoint": tenant + one for one in ("authorization", "token")} | {"issuer": tenant}
            )
        return as_json(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    user = user_token(f"Bearer {users.user_token(azure)}")
    with Scripted(entra, tls=certified(tmp_path, monkeypatch)) as authority, Scripted(lambda request: OK) as api:
        caller.is_site(azure)
        caller.set({**users.on_behalf_of_settings(azure), "ENTRA_AUTHORITY": authority.origin})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        with pytest.raises(Problem, match="token_unavailable") as raised:
            caller.api(api.origin).get(user_token=user)
    assert authority.requests[-1].method == "POST"
    assert (raised.value.detail, api.requests) == (causes.NO_ENTRA, [])


def test_after_an_exchange_no_librarys_logger_is_without_the_filter(azure: LocalAzure, caller: Caller):
    """msal makes the one that would log Entra's whole answer no earlier than now."""
    logging.root.manager.loggerDict.pop("msal.oauth2cli.oauth2", None)
    caller.is_site(azure)
    caller.set(users.on_behalf_of_settings(azure))
    with Scripted(lambda request: as_json(200, {"ok": True})) as api:
        caller.api(api.origin).get(user_token=user_token(f"Bearer {users.user_token(azure)}"))
    loggers = {
        name: logger
        for name, logger in logging.root.manager.loggerDict.items()
        if name.partition(".")[0] in ("azure", "msal", "urllib3") and isinstance(logger, logging.Logger)
    }
    assert "msal.oauth2cli.oauth2" in loggers
    assert [name for name, logger in loggers.items() if credentials._redact not in logger.filters] == []


@dataclass(frozen=True)
class Answered:
    """An answer of Entra's, as azure-identity keeps it in its exception."""

    body: Any

    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


class Refusal(Exception):
    def __init__(self, body: Any) -> None:
        self.response = None if body is None else Answered(body)
        super().__init__("AADSTS500133: of this text nothing is read, eyJ0b2tlbg")


ANSWERS = [
    (None, "token_unavailable"),
    ("not JSON", "token_unavailable"),
    ([], "token_unavailable"),
    ("[" * 10_000, "token_unavailable"),
    ({"error": "temporarily_unavailable", "error_codes": [90033]}, "token_unavailable"),
    ({"error": "invalid_client", "error_codes": [7000222]}, "token_unavailable"),
    ({"error": "invalid_grant", "error_codes": "AADSTS500133"}, "user_token_rejected"),
    ({"error": "invalid_grant", "error_codes": [None, {}, 1]}, "user_token_rejected"),
    ({"error": "invalid_grant", "error_codes": [70002, 500133]}, "user_token_expired"),
    ({"error": "invalid_grant", "error_codes": [65001], "suberror": "consent_required"}, "interaction_required"),
    ({"error": "interaction_required", "error_codes": [999]}, "interaction_required"),
    ({"error": "invalid_grant", "error_codes": [53003], "claims": "{}"}, "interaction_required"),
    ({"error": "invalid_grant", "error_codes": [53003], "claims": {"no": "text"}}, "user_token_rejected"),
    ({"error": "invalid_client", "error_codes": [700213]}, "federated_credential_mismatch"),
    ({"error": "invalid_client", "error_codes": [7002138]}, "federated_credential_mismatch"),
    ({"error": ["a", "list"]}, "token_unavailable"),
]


@pytest.mark.parametrize(("answer", "code"), ANSWERS)
def test_an_answer_counts_by_its_numbers_and_never_by_its_text(answer, code):
    problem = problem_for(Refusal(answer), SCOPE, "https://login.example", "tenant")
    assert problem.code == code
    response = problems.problem_response(problem)
    assert b"eyJ" not in response.get_body() + str(dict(response.headers)).encode()


@pytest.mark.parametrize("claims", ['{"a":"é"}', '"quoted"', "a\r\nSet-Cookie: b", "\\", "x" * 5000, "\ud800"])
def test_claims_cannot_leave_their_place_in_the_challenge(claims):
    refused = Refusal({"error": "interaction_required", "error_codes": [50076], "claims": claims})
    response = problems.problem_response(problem_for(refused, SCOPE, "https://login.example", "tenant"))
    assert re.fullmatch(r'Bearer (\w+="[ !#-\[\]-~]*"(, |$))+', response.headers["WWW-Authenticate"])
