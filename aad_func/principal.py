"""Principal: the authenticated caller and its permissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from common.problems import Problem

AuthenticatedBy = Literal["bearer_token", "easy_auth"]
Kind = Literal["application", "user"]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `kind` is "application" (a managed identity or daemon acting as itself) or "user" (an application acting for a
    signed-in user). `client_id` is the calling application's in both cases; `object_id` is the service principal's or
    the user's. `roles` are app roles; `scopes` are a user token's, never an application's. `claims` are deeply
    read-only, with tuples for arrays, because requests with the same token share one Principal.
    """

    authenticated_by: AuthenticatedBy
    kind: Kind
    audience: str
    tenant_id: str
    client_id: str
    object_id: str | None
    roles: frozenset[str]
    scopes: frozenset[str]
    claims: Mapping[str, Any]

    @classmethod
    def from_claims(cls, claims: dict[str, Any], authenticated_by: AuthenticatedBy) -> "Principal":
        """Raise `invalid_claims`, or `not_an_access_token` for any other token, such as an ID token."""
        return cls(
            authenticated_by=authenticated_by,
            kind=_kind(claims),
            audience=_string(claims, "aud", required=True),
            tenant_id=_string(claims, "tid", required=True),
            # The calling application is `appid` in v1 tokens and `azp` in v2 tokens.
            client_id=_string(claims, "azp" if claims.get("ver") == "2.0" else "appid", required=True),
            object_id=_string(claims, "oid") or None,
            roles=_roles(claims),
            # Only spaces separate scopes (RFC 6749 section 3.3).
            scopes=frozenset(filter(None, _string(claims, "scp").split(" "))),
            claims=_read_only(claims),
        )

    def require_role(self, role: str) -> None:
        """Raise `missing_role` unless the caller has exactly this app role."""
        if role not in self.roles:
            raise Problem("missing_role", f"The caller does not have the app role {role}.", required_role=role)

    def require_scope(self, scope: str) -> None:
        """Raise `missing_scope` unless the token carries exactly this scope."""
        if scope not in self.scopes:
            raise Problem("missing_scope", f"The user's token does not carry the scope {scope}.", required_scope=scope)


def _read_only(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _read_only(member) for name, member in value.items()})
    return tuple(map(_read_only, value)) if isinstance(value, list) else value


def _string(claims: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise Problem("invalid_claims")
    return value


def _kind(claims: Mapping[str, Any]) -> Kind:
    # Users have roles too. `idtyp` is present only if the API's registration requests it; without it, an application
    # has no scope and is its own subject. https://learn.microsoft.com/entra/identity-platform/scenario-protected-web-api-verification-scope-app-roles
    kind = _string(claims, "idtyp")
    if "scp" in claims:
        if kind in ("", "user") and _string(claims, "scp").strip():
            return "user"
    elif kind == "app" or (kind == "" and _string(claims, "oid") and _string(claims, "oid") == _string(claims, "sub")):
        return "application"
    raise Problem("not_an_access_token")


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Problem("invalid_claims")
    return frozenset(roles)
