"""Assertions that hold for every response of aad-func."""

import base64
import binascii
import json
import re
from typing import Any

from common.problems import PROBLEM_TYPES
from tests.support.wire import Call, Response

PLAIN = 'Bearer realm="api"'
# RFC 6750 section 3: error_description is printable ASCII without quotes and backslashes.
CHALLENGE = re.compile(PLAIN + r', error="(\w+)", error_description="[\x20-\x21\x23-\x5B\x5D-\x7E]+"')
# Texts that can be in a response and in its request by coincidence.
KNOWN_TEXTS = (
    "user_impersonation",
    *(each.description for each in PROBLEM_TYPES.values()),
    *PROBLEM_TYPES,
    *(each.oauth_error for each in PROBLEM_TYPES.values() if each.oauth_error),
    PLAIN,
    "error_description=",
    "bearer_token",
    "application/problem+json",
)
SHARED_CHARACTERS = 12  # a common substring of this length is not a coincidence


def check_response(response: Response, call: Call) -> str:
    """Return the status and code of the response, such as "401 bad_signature", or 200 and the kind of caller.

    Assert that it conforms to RFC 6750 and RFC 9457, and that an error quotes nothing from the request.
    """
    assert response.status in (200, 401, 403, 503)
    assert response.all("Cache-Control") == ["no-store"]
    body = json.loads(response.body, parse_constant=_not_json)
    challenges = response.all("WWW-Authenticate")
    if response.status == 200:
        assert challenges == []
        assert response.all("Content-Type") == ["application/json"]
        return f"200 {body['caller']['kind']}"
    assert response.all("Content-Type") == ["application/problem+json"]
    assert body["status"] == response.status
    if response.status == 503:
        assert challenges == []
        assert 1 <= int(*response.all("Retry-After")) <= 30
    else:
        assert len(challenges) == 1
        assert _error(challenges[0]) == _expected_error(response.status, body["code"])
    if response.status == 403:
        # A 403 identifies the verified caller, for the administrator who assigns the role.
        assert body.pop("caller").keys() == {"kind", "client_id", "object_id"}
        assert isinstance(body.pop("roles"), list)
    assert not _shared(body, response, call)
    return f"{response.status} {body['code']}"


def _error(challenge: str) -> str | None:
    if challenge == PLAIN:
        return None
    match = CHALLENGE.fullmatch(challenge)
    assert match, challenge
    return match[1]


def _expected_error(status: int, code: str) -> str | None:
    # RFC 6750 section 3.1: a request without credentials gets no error code.
    if code in ("missing_token", "missing_principal"):
        return None
    return "invalid_token" if status == 401 else "insufficient_scope"


def _shared(body: dict[str, Any], response: Response, call: Call) -> set[str]:
    """Return the common substrings of the response and the request, encoded or decoded."""
    # Only values are compared, because member names and punctuation are the same in any JSON.
    response_text = "\n".join([*map(str, body.values()), *(value for _, value in response.headers)])
    for known in KNOWN_TEXTS:
        response_text = response_text.replace(known, " ")
    sent = [value for name, value in call.headers if name != "Content-Type"] + [call.query, call.body.decode("latin-1")]
    sent += [_decoded(part) for value in sent for part in re.split(r"[^A-Za-z0-9_+/-]", value)]
    return _substrings(response_text) & set().union(*map(_substrings, sent))


def _decoded(segment: str) -> str:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("latin-1")
    except binascii.Error:
        return ""


def _substrings(text: str) -> set[str]:
    return {text[start : start + SHARED_CHARACTERS] for start in range(len(text) - SHARED_CHARACTERS + 1)}


def _not_json(constant: str) -> Any:
    raise AssertionError(f"{constant} in the response is not JSON")
