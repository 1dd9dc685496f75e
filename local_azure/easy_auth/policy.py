"""Easy Auth's rules for requests without a token and for authenticated callers.

https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad#use-a-built-in-authorization-policy
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class UnauthenticatedAction(Enum):
    """The action for a request without a token."""

    ALLOW = "AllowAnonymous"
    REDIRECT = "RedirectToLoginPage"
    RETURN_401 = "Return401"
    RETURN_403 = "Return403"


@dataclass(frozen=True, slots=True)
class AuthPolicy:
    """The rules for one app.

    `allowed_audiences` are accepted in addition to the app's client ID. `checks_issuer` is false for multi-tenant
    issuers such as `common`. If `allowed_applications` is empty, all applications are allowed. `identities` contains
    object IDs of users and service principals, and `groups` contains object IDs of groups. A caller needs to match only
    one of these two, or neither if both are empty. Requests for `excluded_paths` need no token. An excluded path that
    ends with `/*` includes all paths below it.
    """

    allowed_audiences: tuple[str, ...] = ()
    checks_issuer: bool = True
    allowed_applications: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    unauthenticated_action: UnauthenticatedAction = UnauthenticatedAction.RETURN_401
    excluded_paths: tuple[str, ...] = ()

    def action_for(self, path: str) -> UnauthenticatedAction:
        """Return the action for a request without a token. `path` is the undecoded path of the request."""
        return UnauthenticatedAction.ALLOW if self._is_excluded(path) else self.unauthenticated_action

    def allows(self, claims: Mapping[str, Any]) -> bool:
        """Return whether the caller with these validated claims may use the app. App roles are not checked."""
        return self._allows_application(claims) and self._allows_principal(claims)

    def _allows_application(self, claims: Mapping[str, Any]) -> bool:
        client_id = str(claims.get("appid" if claims.get("ver") == "1.0" else "azp", ""))
        return not self.allowed_applications or client_id in self.allowed_applications

    def _allows_principal(self, claims: Mapping[str, Any]) -> bool:
        if not self.identities and not self.groups:
            return True
        groups = claims.get("groups", ())
        in_group = isinstance(groups, list) and not self.groups.isdisjoint(map(str, groups))
        return in_group or str(claims.get("oid", "")) in self.identities

    def _is_excluded(self, path: str) -> bool:
        # An app could normalize such a path to a path that is not excluded.
        if "%" in path or "/." in path or "\\" in path or "//" in path:
            return False
        return any(
            path == excluded or (excluded.endswith("/*") and path.startswith(excluded[:-1]))
            for excluded in self.excluded_paths
        )
