"""Entra's error responses: only error codes, `error` and `claims` are evaluated, never error_description."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from common.problems import problem_response
from msi_func import entra_errors
from msi_func.entra_errors import exchange_problem
from tests.support.caller import SCOPE

AUTHORITY, TENANT = "https://login.example", "tenant"


@dataclass(frozen=True)
class Response:
    """A response of Entra, as azure-identity attaches it to its exception."""

    body: Any

    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


class Rejection(Exception):
    def __init__(self, body: Any) -> None:
        self.response = None if body is None else Response(body)
        super().__init__("AADSTS500133: a message that must be ignored, eyJ0b2tlbg")


RESPONSES = [
    (None, "token_unavailable"),
    ("not JSON", "token_unavailable"),
    ([], "token_unavailable"),
    ("a JSON string", "token_unavailable"),
    ("[" * 10_000, "token_unavailable"),
    ("1" * 10_000, "token_unavailable"),
    ({"error": "temporarily_unavailable", "error_codes": [90033]}, "token_unavailable"),
    ({"error": "invalid_client", "error_codes": [7000222]}, "token_unavailable"),
    ({"error": "invalid_grant", "error_codes": "AADSTS500133"}, "user_token_rejected"),
    ({"error": "invalid_grant", "error_codes": [None, {}, 1]}, "user_token_rejected"),
    ({"error": "invalid_grant", "error_codes": [70002, 500133]}, "user_token_expired"),
    ({"error": "invalid_grant", "error_codes": [500131]}, "user_token_wrong_audience"),
    ({"error": "invalid_grant", "error_codes": [50105]}, "user_not_assigned"),
    ({"error": "invalid_grant", "error_codes": [7000114]}, "user_token_required"),
    ({"error": "invalid_grant", "error_codes": [65001], "suberror": "consent_required"}, "interaction_required"),
    ({"error": "interaction_required", "error_codes": [999]}, "interaction_required"),
    ({"error": "invalid_grant", "error_codes": [53003], "claims": "{}"}, "interaction_required"),
    ({"error": "invalid_grant", "error_codes": [53003], "claims": {"not": "text"}}, "user_token_rejected"),
    ({"error": "invalid_client", "error_codes": [700213]}, "federated_credential_mismatch"),
    ({"error": "invalid_client", "error_codes": [7002138]}, "federated_credential_mismatch"),
    ({"error": ["a", "list"]}, "token_unavailable"),
]


@pytest.mark.parametrize(("body", "code"), RESPONSES, ids=[str(body)[:60] for body, _ in RESPONSES])
def test_error_codes_not_messages_determine_the_problem(body, code):
    problem = exchange_problem(Rejection(body), SCOPE, AUTHORITY, TENANT)
    assert problem.code == code
    response = problem_response(problem)
    assert b"eyJ" not in response.get_body() + str(dict(response.headers)).encode()


def test_error_codes_distinguish_rejections_from_outages():
    rejected = exchange_problem(Rejection({"error": "x", "error_codes": [7000222, True]}), SCOPE, AUTHORITY, TENANT)
    assert (rejected.detail, rejected.members) == (
        entra_errors.REQUEST_REJECTED,
        {"scope": SCOPE, "entra_codes": ["AADSTS7000222"]},
    )
    outage = exchange_problem(TimeoutError(), SCOPE, AUTHORITY, TENANT)
    assert (outage.detail, outage.members) == (entra_errors.ENTRA_UNAVAILABLE, {"scope": SCOPE})


@pytest.mark.parametrize("claims", ['{"a":"é"}', '"quoted"', "a\r\nSet-Cookie: b", "\\", "x" * 5000, "\ud800"])
def test_claims_cannot_inject_challenge_parameters(claims):
    rejection = Rejection({"error": "interaction_required", "error_codes": [50076], "claims": claims})
    response = problem_response(exchange_problem(rejection, SCOPE, AUTHORITY, TENANT))
    challenge = response.headers["WWW-Authenticate"]
    assert re.fullmatch(r'Bearer (\w+="[ !#-\[\]-~]*"(, |$))+', challenge)
    encoded = re.search(r'claims="([^"]*)"', challenge)
    assert encoded
    assert base64.b64decode(encoded[1], validate=True) == claims.encode(errors="replace")
