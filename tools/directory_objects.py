"""Parse directory objects in Microsoft Graph's responses.

Object IDs must be GUIDs, because they become part of URLs and commands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.settings import is_guid
from tools.console import ToolError

_KINDS = {"servicePrincipals": "service principal", "users": "user", "groups": "group"}
_TYPES = {"ManagedIdentity": "managed identity", "Application": "application"}


@dataclass(frozen=True, slots=True)
class AppRole:
    """An app role of an API."""

    id: str
    value: str
    member_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal that can have app roles. `kind` is "managed identity", "application", "user" or "group".

    `owner_tenant` is the ID of the tenant that contains an application's registration, or "" if Graph returns none.
    """

    kind: str
    name: str
    object_id: str
    client_id: str = ""
    owner_tenant: str = ""
    roles: tuple[AppRole, ...] = ()

    @property
    def member_type(self) -> str:
        """The value that `allowedMemberTypes` of an app role must contain for this principal."""
        return "User" if self.kind in ("user", "group") else "Application"

    @property
    def description(self) -> str:
        """Name, kind, object ID and owner tenant, for people."""
        owner = f", registered in tenant {self.owner_tenant}" if self.owner_tenant else ", of this tenant"
        return f"{self.name}: {self.kind} {self.object_id}{owner}"


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """An appRoleAssignment: https://learn.microsoft.com/graph/api/resources/approleassignment"""

    id: str
    principal_id: str
    principal_name: str
    principal_type: str
    role_id: str


def parse_principal(collection: str, entry: Mapping[str, Any]) -> Principal:
    """Parse an object of the collection `servicePrincipals`, `users` or `groups`. Raises ToolError."""
    kind = _KINDS[collection]
    roles = entry.get("appRoles")
    return Principal(
        kind=_TYPES.get(_string(entry, "servicePrincipalType"), kind),
        name=_string(entry, "displayName") or _string(entry, "userPrincipalName"),
        object_id=_guid(entry, "id"),
        client_id=_string(entry, "appId"),
        owner_tenant=_string(entry, "appOwnerOrganizationId"),
        roles=tuple(map(_role, roles)) if isinstance(roles, list) else (),
    )


def parse_assignment(entry: Mapping[str, Any]) -> RoleAssignment:
    """Parse an appRoleAssignment. Raises ToolError."""
    return RoleAssignment(
        id=_string(entry, "id"),
        principal_id=_guid(entry, "principalId"),
        principal_name=_string(entry, "principalDisplayName"),
        principal_type=_string(entry, "principalType"),
        role_id=_guid(entry, "appRoleId"),
    )


def _role(entry: Any) -> AppRole:
    entry = entry if isinstance(entry, dict) else {}
    types = entry.get("allowedMemberTypes")
    member_types = tuple(map(str, types)) if isinstance(types, list) else ()
    return AppRole(_guid(entry, "id"), _string(entry, "value"), member_types)


def _string(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _guid(entry: Mapping[str, Any], name: str) -> str:
    value = _string(entry, name).lower()
    if not is_guid(value):
        raise ToolError(f"The server is not Microsoft Graph: {name} is not a GUID.")
    return value
