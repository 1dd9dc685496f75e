"""A compact JWS taken apart, strictly, into exactly one reading.

Two parsers that see different things in one token are how tokens get past checks, so all that is ambiguous is refused:
padding, white space and stray bits in base64url, duplicate JSON members, NaN, any encoding but UTF-8, and what not
every parser can hold (RFC 7515 sections 2 and 4, RFC 7493 section 2, RFC 8725 sections 2.4, 3.1 and 3.7). Nothing here
is trusted yet: the signature is checked after this.
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from common.problems import Problem

MAX_KID_CHARS = 256
MAX_DEPTH = 20  # of lists and objects within each other; claims need two or three

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# Members that change what the token is or how it is to be read: extensions (RFC 7515 4.1.11), an unencoded payload
# (RFC 7797), a nested token (RFC 7519 5.2), encryption (RFC 7516).
_UNSUPPORTED = ("crit", "b64", "cty", "enc", "zip")


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A token that is well formed and signed with RS256, by whom is not yet known.

    The header's other members, above all keys and places of keys (`jwk`, `jku`, `x5c`, `x5u`), are never looked at.
    """

    kid: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(token: str) -> CompactJws:
    """Take `token` apart. Raises `malformed_token` or `unsupported_token`; never anything else."""
    if not _COMPACT.fullmatch(token):
        raise Problem("malformed_token")
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    kid = _kid(json_object(_decode(header)))
    return CompactJws(kid, json_object(_decode(payload)), signed.encode(), _decode(signature))


def _kid(header: Mapping[str, Any]) -> str:
    if header.get("alg") != "RS256" or any(name in header for name in _UNSUPPORTED):
        raise Problem("unsupported_token")
    if header.get("typ", "JWT") not in ("JWT", "jwt"):
        raise Problem("unsupported_token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS:
        raise Problem("malformed_token")
    return kid


# What the last character may be, by how many stand alone at the end: its other bits decode to nothing, and would make
# two spellings of one token (RFC 4648 section 3.5).
_LAST = {1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


def _decode(segment: str) -> bytes:
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
