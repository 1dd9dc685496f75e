"""Checking one of the tenant's own access tokens, as Graph and Easy Auth do before they let a caller through."""

from collections.abc import Callable, Iterable
from typing import Any

import jwt

# Finds a public key by `kid`; None where the tenant does not publish it.
FindKey = Callable[[str], Any]

LEEWAY = 300  # seconds


class BadToken(Exception):
    """The token is not good. The message says why, and holds nothing of it."""


class Malformed(BadToken):
    """It is no token at all."""


class OutOfTime(BadToken):
    """It has expired, or is not valid yet."""


class WrongAudience(BadToken):
    """It is meant for another API."""


def bearer(authorization: list[str]) -> str:
    """The one token in a request's Authorization headers. Raises BadToken."""
    scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise BadToken("Access token is empty.")
    return token.strip()


def verify(
    token: str, find_key: FindKey, issuer: str, audiences: Iterable[str] | None, *, leeway: int = LEEWAY
) -> dict[str, Any]:
    """The claims of a token that this issuer made for one of these audiences; None is any. Raises BadToken."""
    try:
        header = jwt.get_unverified_header(token)
        key = find_key(str(header.get("kid")))
        if key is None:
            raise BadToken("Access token validation failure. Invalid signature.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=issuer,
            audience=None if audiences is None else list(audiences),
            leeway=leeway,
            options={"require": ["exp", "iss", "aud", "tid"], "verify_aud": audiences is not None},
        )
    except jwt.ExpiredSignatureError:
        raise OutOfTime("Lifetime validation failed, the token is expired.") from None
    except jwt.ImmatureSignatureError:
        raise OutOfTime("Access token validation failure.") from None
    except jwt.InvalidAudienceError:
        raise WrongAudience("Access token validation failure. Invalid audience.") from None
    except jwt.InvalidSignatureError:
        raise BadToken("Access token validation failure. Invalid signature.") from None
    except jwt.DecodeError:
        raise Malformed("Access token validation failure.") from None
    except (jwt.PyJWTError, ValueError):
        raise BadToken("Access token validation failure.") from None
    return claims
