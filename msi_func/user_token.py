"""The token of the user who calls, as far as it has to be read before Entra checks it in the exchange."""

import hashlib
from dataclasses import dataclass, field

from common.bearer_token import decode, json_object, split, token_in
from common.problems import Problem


@dataclass(frozen=True, slots=True)
class UserToken:
    """A user's token for this app. Nothing of it is trusted: Entra checks signature, audience and all else.

    `expires_on` is in seconds since 1970; `digest` is what the token is remembered by.
    """

    value: str = field(repr=False)
    digest: bytes = field(repr=False)
    expires_on: float


def user_token(header: str | None) -> UserToken:
    """The user's token in an Authorization header.

    Raises `user_token_required` where there is none, or one without a user (an application's has no `scp`), and
    `malformed_token` where it cannot be read, in one way only, and told when it expires.
    """
    try:
        token = token_in(header)
    except Problem as problem:
        raise Problem("user_token_required") if problem.code == "missing_token" else problem from None
    claims = json_object(decode(split(token)[1]))
    expires_on = claims.get("exp")
    if isinstance(expires_on, bool) or not isinstance(expires_on, int | float):
        raise Problem("malformed_token")
    if not isinstance(claims.get("scp"), str):
        raise Problem("user_token_required", "The token is an application's, or no access token: a user's is needed.")
    return UserToken(token, hashlib.sha256(token.encode()).digest(), expires_on)
