"""A token past the platform's cache.

The platform caches a managed identity's token for about a day per exact resource string, while Entra compares resources
without regard to case: the same resource in another letter case is a new request.
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
    """A token that was issued just now for `scope`, the requested scope in another letter case.

    `has_role`: the token passes aad-func's role check. `is_accepted`: it passes all checks, which a version 1 token
    does not, because its audience is the resource as requested and aad-func compares audiences exactly.
    """

    scope: str
    token: str
    object_id: str
    has_role: bool
    is_accepted: bool


def respell(scope: str) -> str:
    """Return the scope with random letter case, different from the given, lower and upper case ones.

    Random, because the platform caches the token of each spelling as well. Raises ToolError without enough letters.
    """
    resource = scope.removesuffix("/.default")
    for _ in range(100):
        respelled = "".join(secrets.choice((char.lower(), char.upper())) for char in resource)
        if respelled not in (resource, resource.lower(), resource.upper()):
            return f"{respelled}/.default"
    raise ToolError(f"{resource} has too few letters for another spelling.")


async def request_fresh_token(identity: AppTokenSource, scope: str) -> FreshToken | None:
    """Return a new token with aad-func's verdict on it, or None if there is none."""
    try:
        respelled = respell(scope)
        token = await http.token_for(identity, respelled)
        claims = read_claims(token)
        report = await check_token(token, claims, scope)
        # The role check comes after the audience check.
        roles = await check_token(token, claims, scope, audience=str(claims.get("aud", "")))
    except (Problem, ToolError):
        return None
    has_role = roles.code in ("", "missing_scope", "caller_not_allowed")
    return FreshToken(respelled, token, str(claims.get("oid", "")), has_role, report.code == "")
