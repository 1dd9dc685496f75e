"""A compact JWS taken apart, strictly, into exactly one reading (see common/bearer_token.py).

Nothing here is trusted yet: the signature is checked after this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.bearer_token import decode, json_object, split
from common.problems import Problem

MAX_KID_CHARS = 256

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
    header, payload, signature = split(token)
    kid = _kid(json_object(decode(header)))
    return CompactJws(kid, json_object(decode(payload)), f"{header}.{payload}".encode(), decode(signature))


def _kid(header: Mapping[str, Any]) -> str:
    if header.get("alg") != "RS256" or any(name in header for name in _UNSUPPORTED):
        raise Problem("unsupported_token")
    if header.get("typ", "JWT") not in ("JWT", "jwt"):
        raise Problem("unsupported_token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS:
        raise Problem("malformed_token")
    return kid
