"""Strict parsing of a compact JWS (RFC 7515) and of JSON.

Two parsers that read a token differently let forged tokens pass, so everything ambiguous is rejected: padding, white
space and stray bits in base64url, duplicate JSON members, NaN, encodings other than UTF-8, and values that some parsers
cannot represent (RFC 7493 section 2, RFC 8725 sections 2.4 and 3.7).
"""

import base64
import functools
import json
import math
from typing import Any, NamedTuple

from common.problems import Problem

MAX_DEPTH = 20  # of nested lists and objects; claims need two or three
MAX_KID_CHARS = 256

# Header parameters that change how a token is processed: extensions (RFC 7515 section 4.1.11), an unencoded payload
# (RFC 7797), a nested token (RFC 7519 section 5.2), encryption (RFC 7516).
_UNSUPPORTED = ("crit", "b64", "cty", "enc", "zip")


class CompactJws(NamedTuple):
    """A well-formed RS256 token whose signature is not verified yet.

    Other header parameters, especially keys and key URLs (`jwk`, `jku`, `x5c`, `x5u`), are never used.
    """

    kid: str
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    @classmethod
    def parse(cls, token: str) -> "CompactJws":
        """Parse a token that `extract_bearer_token` returned. Raises `malformed_token` or `unsupported_token`."""
        header, payload, signature = token.split(".")
        return cls(
            signature=base64url_decode(signature),
            kid=_parse_header(header),
            claims=strict_json_object(base64url_decode(payload)),
            signing_input=f"{header}.{payload}".encode(),
        )


def base64url_decode(segment: str) -> bytes:
    """Decode a base64url segment in its only valid spelling. Raises `malformed_token`."""
    try:
        decoded = base64.urlsafe_b64decode(segment + "==")  # Excess padding is ignored.
    except ValueError:
        raise Problem("malformed_token") from None
    # The decoder ignores other characters and unused bits, which would give one token several spellings.
    if not segment or base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment.encode():
        raise Problem("malformed_token")
    return decoded


def strict_json_object(encoded: bytes) -> dict[str, Any]:
    """Decode a JSON object that every parser reads the same way. Raises `malformed_token`."""
    try:
        text = encoded.decode("utf-8")
        value = _JSON.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # Raises for unpaired surrogates, which parsers replace.
        too_deep = text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH
    except (ValueError, RecursionError):
        raise Problem("malformed_token") from None
    if not isinstance(value, dict) or too_deep:
        raise Problem("malformed_token")
    return value


@functools.lru_cache(64)
def _parse_header(segment: str) -> str:
    """Return the header's `kid`."""
    # Cached, because all tokens signed with one key have the same header segment.
    header = strict_json_object(base64url_decode(segment))
    extended = any(name in header for name in _UNSUPPORTED)
    if header.get("alg") != "RS256" or header.get("typ", "JWT") not in ("JWT", "jwt") or extended:
        raise Problem("unsupported_token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS:
        raise Problem("malformed_token")
    return kid


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("number out of range")
    return value


_JSON = json.JSONDecoder(object_pairs_hook=_unique_members, parse_float=_finite, parse_constant=_finite)


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, members), default=0)
