"""Strict parsing of a compact JWS (RFC 7515) and of JSON.

If two parsers read a token differently, a forged token can pass. Ambiguous input is therefore rejected: padding, white
space and unused bits in base64url, duplicate JSON members, NaN, encodings other than UTF-8, and values that not all
parsers can represent (RFC 7493 section 2, RFC 8725 sections 2.4 and 3.7).
"""

import binascii
import functools
import json
import math
import re
from typing import Any, NamedTuple

from common.problems import Problem

MAX_DEPTH = 20  # levels of nested lists and objects; Entra's claims have two or three
MAX_KID_CHARS = 256

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")

# Header parameters that change how a token is processed: critical extensions (RFC 7515 section 4.1.11), an unencoded
# payload (RFC 7797), a nested token (RFC 7519 section 5.2), and encryption and compression (RFC 7516).
_UNSUPPORTED = ("crit", "b64", "cty", "enc", "zip")

# Valid last characters of a base64url segment, by segment length modulo 4. All other characters set unused bits, so one
# token would have several encodings (RFC 4648 section 3.5).
_LAST_CHARACTERS = {1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


class CompactJws(NamedTuple):
    """A well-formed RS256 token whose signature is not verified yet.

    Keys and key URLs in the header (`jwk`, `jku`, `x5c`, `x5u`) are never used.
    """

    kid: str
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    @classmethod
    def parse(cls, token: str) -> "CompactJws":
        """Parse a token from `extract_bearer_token`. Raises `malformed_token` or `unsupported_token`."""
        header, payload, signature = split_compact(token)
        return cls(
            kid=_parse_header(header),
            claims=strict_json_object(base64url_decode(payload)),
            signing_input=token[: len(header) + 1 + len(payload)].encode(),
            signature=base64url_decode(signature),
        )


def split_compact(token: str) -> tuple[str, str, str]:
    """Return the header, payload and signature segments (RFC 7515 section 7.1). Raises `malformed_token`."""
    segments = _COMPACT.fullmatch(token)
    if segments is None:
        raise Problem("malformed_token")
    return segments[1], segments[2], segments[3]


def base64url_decode(segment: str) -> bytes:
    """Decode a base64url segment. Raises `malformed_token` if the length is invalid or unused bits are not zero."""
    remainder = len(segment) % 4
    if remainder and segment[-1] not in _LAST_CHARACTERS[remainder]:
        raise Problem("malformed_token")
    return binascii.a2b_base64(segment.replace("-", "+").replace("_", "/") + "==")  # a2b_base64 ignores excess padding.


def strict_json_object(encoded: bytes) -> dict[str, Any]:
    """Decode a JSON object. Raises `malformed_token` for input on which parsers disagree."""
    try:
        text = encoded.decode("utf-8")
        value = _JSON.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # Raises ValueError for unpaired surrogates.
        too_deep = text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH
    except (ValueError, RecursionError):
        raise Problem("malformed_token") from None
    if not isinstance(value, dict) or too_deep:
        raise Problem("malformed_token")
    return value


@functools.lru_cache(64)
def _parse_header(segment: str) -> str:
    """Return the `kid` of a header segment. Cached, because all tokens signed with one key have the same header."""
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
