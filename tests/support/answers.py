"""What holds for every answer of aad-func, whatever was asked."""

import base64
import binascii
import json
import re
from typing import Any

from common.problems import PROBLEM_TYPES
from tests.support.wire import Answer, Call

PLAIN = 'Bearer realm="api"'
# RFC 6750 section 3: error_description has no quote, no backslash, nothing outside printable ASCII.
CHALLENGE = re.compile(PLAIN + r', error="(\w+)", error_description="[\x20-\x21\x23-\x5B\x5D-\x7E]+"')
# What an answer may say and a request may hold as well: the texts of problems and of RFC 6750, and a setting's value.
KNOWN = (
    "user_impersonation",
    *(kind.description for kind in PROBLEM_TYPES.values()),
    *PROBLEM_TYPES,
    *(kind.oauth_error for kind in PROBLEM_TYPES.values() if kind.oauth_error),
    PLAIN,
    "error_description=",
    "application/problem+json",
)
TELLING = 12  # characters in a row that are no coincidence


def checked(answer: Answer, call: Call) -> str:
    """Status and code of the answer, such as "401 bad_signature"; or 200 and the kind of caller.

    Asserts that it is one of aad-func's own answers, in the form that RFC 6750 and RFC 9457 give it, and that nothing
    of the request comes back in a refusal.
    """
    assert answer.status in (200, 401, 403, 503)
    assert answer.all("Cache-Control") == ["no-store"]
    body = json.loads(answer.body, parse_constant=_not_json)
    challenges = answer.all("WWW-Authenticate")
    if answer.status == 200:
        assert challenges == []
        assert answer.all("Content-Type") == ["application/json"]
        return f"200 {body['caller']['kind']}"
    assert answer.all("Content-Type") == ["application/problem+json"]
    assert body["status"] == answer.status
    if answer.status == 503:
        assert challenges == []
        assert 1 <= int(*answer.all("Retry-After")) <= 30
    else:
        assert len(challenges) == 1
        assert _error(challenges[0]) == _wanted_error(answer.status, body["code"])
    assert not _shared(answer, call)
    return f"{answer.status} {body['code']}"


def _error(challenge: str) -> str | None:
    if challenge == PLAIN:
        return None
    form = CHALLENGE.fullmatch(challenge)
    assert form, challenge
    return form[1]


def _wanted_error(status: int, code: str) -> str | None:
    # RFC 6750 section 3.1: without credentials, no error.
    if code in ("missing_token", "missing_principal"):
        return None
    return "invalid_token" if status == 401 else "insufficient_scope"


def _shared(answer: Answer, call: Call) -> set[str]:
    """Runs of characters that the answer has in common with the request, encoded or decoded."""
    # Values alone, as names and punctuation are those of any JSON; without what stands in the table of problems.
    said = "\n".join([*map(str, json.loads(answer.body).values()), *(value for _, value in answer.headers)])
    for known in KNOWN:
        said = said.replace(known, " ")
    sent = [value for name, value in call.headers if name != "Content-Type"] + [call.query, call.body.decode("latin-1")]
    sent += [_decoded(part) for value in sent for part in re.split(r"[^A-Za-z0-9_+/-]", value)]
    return _runs(said) & set().union(*map(_runs, sent))


def _decoded(segment: str) -> str:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("latin-1")
    except binascii.Error:
        return ""


def _runs(text: str) -> set[str]:
    return {text[start : start + TELLING] for start in range(len(text) - TELLING + 1)}


def _not_json(constant: str) -> Any:
    raise AssertionError(f"{constant} in the answer is not JSON")
