"""Principal: who calls, and with which rights. Read from claims that have been verified, one way or the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from common.problems import Problem

AuthenticatedBy = Literal["bearer_token", "easy_auth"]
Kind = Literal["application", "user"]


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Principal:
    """A verified caller.

    `kind` is "application" (a managed identity or a daemon, acting as itself) or "user" (an application acting for a
    signed-in user). `client_id` is the calling application's in both cases; `object_id` the service principal's or
    the user's. `roles` are app roles, `scopes` are what a user's token carries (never an application's). `claims` are
    as they came, of any type; an array is a tuple, and nothing in them can be changed.

    A remembered token's principal is one and the same object each time, and compared as that.
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
        """Raises `invalid_claims`, or `not_an_access_token` for a token that is nobody's (an ID token, say)."""
        return cls(
            authenticated_by=authenticated_by,
            kind=_kind(claims),
            audience=_required(claims, "aud"),
            tenant_id=_required(claims, "tid"),
            # v1 tokens name the calling application in `appid`, v2 tokens in `azp`.
            client_id=_required(claims, "azp" if claims.get("ver") == "2.0" else "appid"),
            object_id=_text(claims, "oid") or None,
            roles=_roles(claims),
            # Spaces alone part scopes (RFC 6749 section 3.3).
            scopes=frozenset(filter(None, _text(claims, "scp").split(" "))),
            claims=_frozen(claims),
        )

    def require_role(self, role: str) -> None:
        """Raises `missing_role` unless the caller has exactly this app role."""
        if role not in self.roles:
            raise Problem("missing_role", f"The caller does not have the app role {role}.", required_role=role)

    def require_scope(self, scope: str) -> None:
        """Raises `missing_scope` unless the token carries exactly this scope."""
        if scope not in self.scopes:
            raise Problem("missing_scope", f"The user's token does not carry the scope {scope}.", required_scope=scope)


def _frozen(value: Any) -> Any:
    """So that no function can change what the next call with the same token is given."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(member) for name, member in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise Problem("invalid_claims")
    return value


def _required(claims: Mapping[str, Any], name: str) -> str:
    value = _text(claims, name)
    if not value:
        raise Problem("invalid_claims")
    return value


def _kind(claims: Mapping[str, Any]) -> Kind:
    # Not by `roles`: users have roles too. `idtyp` is there only where the API's registration asks for it; without it
    # an application is recognised by having no scope and being its own subject.
    # https://learn.microsoft.com/entra/identity-platform/scenario-protected-web-api-verification-scope-app-roles
    kind = _text(claims, "idtyp")
    if "scp" in claims:
        if kind in ("", "user") and _text(claims, "scp").strip():
            return "user"
    elif kind == "app" or (kind == "" and _text(claims, "oid") and _text(claims, "oid") == _text(claims, "sub")):
        return "application"
    raise Problem("not_an_access_token")


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Problem("invalid_claims")
    return frozenset(roles)
