"""A bearer token as it arrives, taken apart strictly: what is in it has exactly one reading, or is refused.

Two parsers that see different things in one token are how tokens get past checks, so all that is ambiguous is refused:
padding, white space and stray bits in base64url, duplicate JSON members, NaN, any encoding but UTF-8, and what not
every parser can hold (RFC 7515 sections 2 and 4, RFC 7493 section 2, RFC 8725 sections 2.4 and 3.7). Nothing that is
read here is trusted yet.
"""

import base64
import json
import math
import re
from typing import Any, NoReturn

from common.problems import Problem

MAX_TOKEN_CHARS = 16 * 1024
MAX_DEPTH = 20  # of lists and objects within each other; claims need two or three

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def token_in(header: str | None) -> str:
    """The one token in an Authorization header. The Functions host joins repeated headers with a comma.

    Raises `missing_token` where there are no bearer credentials, and `malformed_token` where there is not exactly
    one token.
    """
    scheme, _, token = (header or "").strip(" ").partition(" ")
    scheme, comma, _ = scheme.lower().partition(",")
    if scheme != "bearer":
        raise Problem("missing_token")
    token = token.strip(" ")
    if comma or len(token) > MAX_TOKEN_CHARS or token.count(".") != 2 or not token.isascii():
        raise Problem("malformed_token")
    return token


def split(token: str) -> tuple[str, str, str]:
    """Header, payload and signature of a compact JWS (RFC 7515 section 7.1) that `token_in` gave.

    Raises `malformed_token`.
    """
    if not _COMPACT.fullmatch(token):
        raise Problem("malformed_token")
    header, payload, signature = token.split(".")
    return header, payload, signature


# What the last character may be, by how many stand alone at the end: its other bits decode to nothing, and would make
# two spellings of one token (RFC 4648 section 3.5).
_LAST = {1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


def decode(segment: str) -> bytes:
    """The bytes of a base64url segment in its one spelling. Raises `malformed_token`."""
    alone = len(segment) % 4
    if alone and segment[-1] not in _LAST[alone]:
        raise Problem("malformed_token")
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def json_object(encoded: bytes) -> dict[str, Any]:
    """The one JSON object in `encoded`. Raises `malformed_token` for all that is not exactly that."""
    try:
        text = encoded.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:  # else neither can be wrong
            _same_for_all(value, depth=1)
    except (ValueError, RecursionError):
        raise Problem("malformed_token") from None
    if not isinstance(value, dict):
        raise Problem("malformed_token")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _same_for_all(value: Any, depth: int) -> None:
    # Half of a surrogate pair is good JSON, and Python reads it, but it cannot be written again: other parsers put
    # something else in its place. How deep one can read, too, differs between parsers.
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for name, member in value.items():
            name.encode()
            _same_for_all(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _same_for_all(member, depth + 1)
