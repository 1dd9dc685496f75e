"""Validate access tokens of this tenant, for Graph, Easy Auth and assertions."""

from collections.abc import Callable, Iterable
from typing import Any

import jwt

# Takes a `kid` and returns the public key, or None if the tenant does not publish this key.
FindKey = Callable[[str], Any]

LEEWAY = 300  # seconds


class InvalidToken(Exception):
    """The token is invalid. The message states the reason and contains no part of the token."""


class MalformedToken(InvalidToken):
    """The token is not a JWT."""


class TokenLifetimeError(InvalidToken):
    """The token has expired or is not valid yet."""


class WrongAudience(InvalidToken):
    """The token is for another API."""


def extract_bearer_token(authorization: list[str]) -> str:
    """Return the token in a request's Authorization headers. Raises InvalidToken."""
    scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("Access token is empty.")
    return token.strip()


def validate(
    token: str, find_key: FindKey, issuer: str, audiences: Iterable[str] | None, *, leeway: int = LEEWAY
) -> dict[str, Any]:
    """Return the claims of a valid token from `issuer`. Raises InvalidToken.

    `aud` must be one of `audiences`, unless `audiences` is None. `leeway` is the accepted clock skew in seconds.
    """
    try:
        header = jwt.get_unverified_header(token)
        key = find_key(str(header.get("kid")))
        if key is None:
            raise InvalidToken("Access token validation failure. Invalid signature.")
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
        raise TokenLifetimeError("Lifetime validation failed, the token is expired.") from None
    except jwt.ImmatureSignatureError:
        raise TokenLifetimeError("Access token validation failure.") from None
    except jwt.InvalidAudienceError:
        raise WrongAudience("Access token validation failure. Invalid audience.") from None
    except jwt.InvalidSignatureError:
        raise InvalidToken("Access token validation failure. Invalid signature.") from None
    except jwt.DecodeError:
        raise MalformedToken("Access token validation failure.") from None
    except (jwt.PyJWTError, ValueError):
        raise InvalidToken("Access token validation failure.") from None
    return claims
