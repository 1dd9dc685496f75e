"""Request a managed identity's token that is not in the platform's cache.

The platform caches a managed identity's token for about a day. A resource with different capitalization is not in this
cache, and Entra issues a token for the same API because Entra ignores capitalization:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
"""

import secrets
from dataclasses import dataclass

from common.problems import Problem
from msi_func.credentials import AppTokenSource
from tools import http
from tools.claims import read_claims
from tools.console import ToolError
from tools.token_check import check_token


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A new token for `scope`, which is the requested scope with different capitalization.

    `has_role` is true if the token passes aad-func's role check, and `is_accepted` if the token passes all checks. A
    version 1 token does not pass the audience check, because its `aud` claim has the different capitalization.
    """

    scope: str
    token: str
    object_id: str
    has_role: bool
    is_accepted: bool


def respell(scope: str) -> str:
    """Return the scope with random capitalization, which is neither the given one nor all lowercase or uppercase.

    The capitalization must be random, because the platform caches a token for each capitalization. Raises ToolError if
    the resource has too few letters.
    """
    resource = scope.removesuffix("/.default")
    for _ in range(100):
        respelled = "".join(secrets.choice((char.lower(), char.upper())) for char in resource)
        if respelled not in (resource, resource.lower(), resource.upper()):
            return f"{respelled}/.default"
    raise ToolError(f"{resource} has too few letters to vary its capitalization.")


async def request_fresh_token(identity: AppTokenSource, scope: str) -> FreshToken | None:
    """Request a new token and apply aad-func's checks. Returns None if there is no token."""
    try:
        respelled = respell(scope)
        token = await http.token_for(identity, respelled)
        claims = read_claims(token)
        report = await check_token(token, claims, scope)
        # Without `audience`, a failed audience check would hide the result of the role check.
        roles = await check_token(token, claims, scope, audience=str(claims.get("aud", "")))
    except (Problem, ToolError):
        return None
    has_role = roles.code in ("", "missing_scope", "caller_not_allowed")
    return FreshToken(respelled, token, str(claims.get("oid", "")), has_role, report.code == "")
