"""Principal: the authenticated caller and its permissions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from common.problems import Problem

AuthenticatedBy = Literal["bearer_token", "easy_auth"]
Kind = Literal["application", "user"]

# A token with at least this lifetime belongs to a managed identity. Such a token is valid for about 24 hours, and the
# platform caches the token until it expires. Other tokens are valid for about an hour.
# https://learn.microsoft.com/azure/app-service/overview-managed-identity
MIN_PLATFORM_CACHED_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Principal:
    """An authenticated caller.

    `kind` is "application" (a managed identity or daemon acting as itself) or "user" (an application acting for a
    signed-in user). `client_id` identifies the calling application in both cases. `object_id` identifies the service
    principal or the user. AAD_FUNC_ROLE_ASSIGNMENTS grants the app roles in `roles_from_setting`; the token contains
    all other `roles`. An application has no `scopes`. `claims` and all nested values are read-only, because requests
    with the same token share one Principal.
    """

    authenticated_by: AuthenticatedBy
    kind: Kind
    audience: str
    tenant_id: str
    client_id: str
    object_id: str | None
    roles: frozenset[str]
    scopes: frozenset[str]
    is_client_authenticated: bool
    claims: Mapping[str, Any]
    roles_from_setting: frozenset[str] = frozenset()

    @classmethod
    def from_claims(cls, claims: dict[str, Any], authenticated_by: AuthenticatedBy) -> "Principal":
        """Return the caller with these claims. Raises `invalid_claims` or `not_an_access_token`.

        Raises `unsupported_token` if the token is bound to a key (RFC 7800), because possession of the key is not
        checked.
        """
        if "cnf" in claims:
            raise Problem("unsupported_token", "The token is bound to a key (cnf), which is not supported.")
        roles = claims.get("roles", [])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise Problem("invalid_claims")
        version_2 = claims.get("ver") == "2.0"
        return cls(
            authenticated_by=authenticated_by,
            kind=_kind(claims),
            audience=_string(claims, "aud", required=True),
            tenant_id=_string(claims, "tid", required=True),
            # The claim with the calling application's client ID is `appid` in v1 tokens and `azp` in v2 tokens.
            client_id=_string(claims, "azp" if version_2 else "appid", required=True),
            object_id=_string(claims, "oid") or None,
            roles=frozenset(roles),
            # Only spaces separate scopes (RFC 6749 section 3.3).
            scopes=frozenset(filter(None, _string(claims, "scp").split(" "))),
            is_client_authenticated=_string(claims, "azpacr" if version_2 else "appidacr") in ("1", "2"),
            claims=_read_only(claims),
        )

    @cached_property
    def as_json(self) -> bytes:
        """The caller as JSON: identity, roles, the source of each role, and claims."""
        caller = {"kind": self.kind, "client_id": self.client_id, "object_id": self.object_id}
        roles = sorted(self.roles)
        body = {
            "authenticated_by": self.authenticated_by,
            "caller": {**caller, "tenant_id": self.tenant_id},
            "roles": roles,
            "role_sources": {role: "setting" if role in self.roles_from_setting else "token" for role in roles},
            "claims": self.claims,
        }
        return json.dumps(body, default=dict).encode()  # `dict` converts the read-only mappings.

    def with_assigned_roles(self, assignments: Mapping[str, frozenset[str]]) -> "Principal":
        """Return this caller with the app roles that a setting assigns to its object ID. Users are unchanged."""
        if self.kind != "application":
            return self
        granted = {role for role, object_ids in assignments.items() if self.object_id in object_ids} - self.roles
        return replace(self, roles=self.roles | granted, roles_from_setting=frozenset(granted)) if granted else self

    def require_role(self, *roles: str) -> None:
        """Raise `missing_role` unless the caller has at least one of these app roles. Case-sensitive."""
        if self.roles.isdisjoint(roles):
            detail = f"The caller does not have the app role {' or '.join(roles)}."
            raise self.denied("missing_role", detail, required_roles=list(roles))

    def require_scope(self, scope: str) -> None:
        """Raise `missing_scope` unless the token carries this scope. Case-sensitive."""
        if scope not in self.scopes:
            detail = f"The user's token does not carry the scope {scope}."
            raise self.denied("missing_scope", detail, required_scope=scope)

    def denied(self, code: str, detail: str = "", **members: Any) -> Problem:
        """Return a problem that contains this caller, its roles, and the time at which its token was issued.

        For a managed identity, it also contains the time by which a new role is visible.
        """
        issued_at, expires_on = _time(self.claims, "iat"), _time(self.claims, "exp")
        if issued_at:
            members["token_issued_at"] = f"{issued_at:%Y-%m-%dT%H:%M:%SZ}"
        is_application = self.kind == "application"
        if is_application and issued_at and expires_on and expires_on - issued_at >= MIN_PLATFORM_CACHED_LIFETIME:
            members["new_role_visible_by"] = f"{expires_on:%Y-%m-%dT%H:%M:%SZ}"
        caller = {"kind": self.kind, "client_id": self.client_id, "object_id": self.object_id}
        roles = sorted(self.roles)
        return Problem(code, detail, authenticated_by=self.authenticated_by, caller=caller, roles=roles, **members)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time claim, which is a number or Easy Auth's string, or None if it is malformed."""
    text = str(claims.get(name)).partition(".")[0]
    is_valid = text.isascii() and text.isdigit() and len(text) <= 11
    return datetime.fromtimestamp(int(text), UTC) if is_valid else None


def _read_only(value: Any) -> Any:
    if isinstance(value, dict):
        # Most claims are strings. Skipping the recursive call for them avoids most of the cost.
        members = {name: each if isinstance(each, str) else _read_only(each) for name, each in value.items()}
        return MappingProxyType(members)
    return tuple(map(_read_only, value)) if isinstance(value, list) else value


def _string(claims: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise Problem("invalid_claims")
    return value


def _kind(claims: Mapping[str, Any]) -> Kind:
    # Roles do not identify an application, because users have roles too. `idtyp` is present only if the API's
    # registration requests it. Without `idtyp`, an application's token has no `scp`, and `oid` equals `sub`:
    # https://learn.microsoft.com/entra/identity-platform/scenario-protected-web-api-verification-scope-app-roles
    kind = _string(claims, "idtyp")
    if "scp" in claims:
        if kind in ("", "user") and _string(claims, "scp").strip():
            return "user"
    elif kind == "app" or (kind == "" and _string(claims, "oid") and _string(claims, "oid") == _string(claims, "sub")):
        return "application"
    raise Problem("not_an_access_token")
