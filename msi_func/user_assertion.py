"""UserAssertion, the signed-in user's token, which Entra exchanges for another token (RFC 7521 section 4)."""

import hashlib
from dataclasses import dataclass, field

import jwt

from common.bearer_token import extract_bearer_token
from common.problems import Problem


@dataclass(frozen=True, slots=True)
class UserAssertion:
    """A user's token for this app. Its unverified claims can lead to a rejection, never to an acceptance.

    `expires_on` is in seconds since 1970. `digest` is the token's SHA-256 and identifies the token in caches.
    """

    value: str = field(repr=False)
    digest: bytes = field(repr=False)
    expires_on: float
    audience: str
    tenant_id: str

    @classmethod
    def from_header(cls, header: str | None) -> "UserAssertion":
        """Return the user's token in an Authorization header.

        Raises `user_token_required` if there is no token or if the token has no `scp`, which only a user's token has.
        Raises `malformed_token` if the token cannot be decoded or has no valid `exp`.
        """
        try:
            token = extract_bearer_token(header)
            claims = jwt.decode(token, options={"verify_signature": False})
        except Problem as problem:
            raise Problem("user_token_required") if problem.code == "missing_token" else problem from None
        except (jwt.InvalidTokenError, ValueError):
            raise Problem("malformed_token") from None
        expires_on = claims.get("exp")
        if isinstance(expires_on, bool) or not isinstance(expires_on, int | float) or not 0 < expires_on < 1e11:
            raise Problem("malformed_token")
        if not isinstance(claims.get("scp"), str):
            raise Problem("user_token_required", "The token is not a user's access token: it contains no scp.")
        return cls(
            value=token,
            digest=hashlib.sha256(token.encode()).digest(),
            expires_on=expires_on,
            audience=str(claims.get("aud")),
            tenant_id=str(claims.get("tid")),
        )
