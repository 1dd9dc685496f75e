"""TokenRejection: responses that a new token may change, and parsing of claims challenges."""

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from msi_func.http_client import DownstreamResponse
from msi_func.token_rejection import TokenRejection

CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1795195779"}}}'
ENCODED = base64.b64encode(CLAIMS.encode()).decode()
PROBLEM = "application/problem+json"


def challenge(claims: str = ENCODED, error: str = "insufficient_claims") -> str:
    return f'Bearer realm="", authorization_uri="https://login.example/authorize", error="{error}", claims="{claims}"'


def response(status: int, body: object = None, challenges: tuple[str, ...] = (), kind: str = PROBLEM):
    headers = CIMultiDict({"Content-Type": kind})
    for value in challenges:
        headers.add("WWW-Authenticate", value)
    return DownstreamResponse(status, headers, json.dumps(body).encode())


MISSING_ROLE = {"code": "missing_role"}
REJECTED = [
    ("the role is missing", response(403, MISSING_ROLE), None),
    ("a claims challenge", response(401, None, (challenge(),)), CLAIMS),
    ("a claims challenge in base64url without padding", response(401, None, (challenge(ENCODED.rstrip("=")),)), CLAIMS),
    ("a claims challenge after another challenge", response(401, None, ('Basic realm="x"', challenge())), CLAIMS),
    (
        "a claims challenge of Microsoft Graph",
        response(401, {"error": {"code": "InvalidAuthenticationToken"}}, (challenge(),)),
        CLAIMS,
    ),
]
FINAL = [
    ("success", response(200, MISSING_ROLE)),
    ("another status", response(401, MISSING_ROLE)),
    ("another problem", response(403, {"code": "missing_scope"})),
    ("another caller required", response(403, {"code": "caller_not_allowed"})),
    ("Easy Auth", response(403, None, kind="text/html")),
    ("a list", response(403, ["missing_role"])),
    ("not JSON", DownstreamResponse(403, CIMultiDict({"Content-Type": PROBLEM}), b"{")),
    ("challenge with 403", response(403, None, (challenge(),))),
    ("an invalid token", response(401, None, (challenge(error="invalid_token"),))),
    ("no claims", response(401, None, ('Bearer error="insufficient_claims"',))),
    (
        "claims in another challenge",
        response(401, None, ('Bearer error="insufficient_claims"', f'X claims="{ENCODED}"')),
    ),
    ("claims are not base64", response(401, None, (challenge("@@"),))),
    ("claims are not JSON", response(401, None, (challenge("AAAA"),))),
    ("claims are a list", response(401, None, (challenge(base64.b64encode(b"[1]").decode()),))),
    ("claims are nested too deeply", response(401, None, (challenge(base64.b64encode(b"[" * 90_000).decode()),))),
]


@pytest.mark.parametrize(("why", "rejection", "claims"), REJECTED, ids=[case[0] for case in REJECTED])
def test_rejection_that_a_new_token_may_change_is_recognized(why, rejection, claims):
    expected = TokenRejection("token", claims, 5.0 if claims is None else math.inf)
    assert TokenRejection.from_response(rejection, "token", 5.0) == expected


@pytest.mark.parametrize(("why", "final"), FINAL, ids=[case[0] for case in FINAL])
def test_other_response_is_final(why, final):
    assert TokenRejection.from_response(final, "token", 5.0) is None


@given(st.text(), st.text(max_size=40))
def test_parsing_a_challenge_never_raises(header: str, encoded: str):
    for value in (header, challenge(encoded)):
        rejection = TokenRejection.from_response(response(401, None, (value,)), "token", 5.0)
        assert rejection is None or isinstance(json.loads(rejection.claims or ""), dict)
