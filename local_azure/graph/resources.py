"""Graph's view of the directory: service principals, assignments and errors as JSON.

https://learn.microsoft.com/graph/api/resources/serviceprincipal and .../approleassignment
"""

import base64
import hashlib
from typing import Any

from local_azure.graph.errors import timestamp
from local_azure.tenant.directory import Directory
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, Group, Principal, ServicePrincipal, User


def service_principal(principal: ServicePrincipal) -> dict[str, Any]:
    """A `servicePrincipal`: what of it has to do with role assignment."""
    common = {
        "id": principal.object_id,
        "appId": principal.client_id,
        "displayName": principal.name,
        "accountEnabled": True,
    }
    if isinstance(principal, Application):
        return {
            **common,
            "servicePrincipalType": "Application",
            "servicePrincipalNames": [*principal.app_id_uris, principal.client_id],
            "alternativeNames": [],
            "appRoleAssignmentRequired": principal.assignment_required,
            "appRoles": [
                {
                    "id": role.id,
                    "value": role.value,
                    "displayName": role.value,
                    "description": role.value,
                    "allowedMemberTypes": list(role.member_types),
                    "isEnabled": True,
                    "origin": "Application",
                }
                for role in principal.app_roles
            ],
            "oauth2PermissionScopes": [
                {"id": scope.id, "value": scope.value, "type": "Admin" if scope.admin else "User", "isEnabled": True}
                for scope in principal.scopes
            ],
        }
    return {
        **common,
        "servicePrincipalType": "ManagedIdentity",
        "servicePrincipalNames": [principal.client_id],
        "alternativeNames": [f"isExplicit={not principal.system_assigned}", principal.resource_id],
        "appRoleAssignmentRequired": False,
        "appRoles": [],
        "oauth2PermissionScopes": [],
    }


# What there is, and by what it can be filtered.
FILTERABLE = {
    "servicePrincipals": frozenset({"appId", "displayName", "servicePrincipalNames"}),
    "users": frozenset({"displayName", "userPrincipalName"}),
    "groups": frozenset({"displayName"}),
}


def listed(kind: str, directory: Directory) -> list[dict[str, Any]]:
    """All of a kind."""
    if kind == "users":
        return [
            {"id": one.object_id, "displayName": one.name, "userPrincipalName": one.name} for one in directory.users
        ]
    if kind == "groups":
        return [{"id": one.object_id, "displayName": one.name} for one in directory.groups]
    return [service_principal(one) for one in directory.service_principals()]


def assignment_id(given: Assignment) -> str:
    """Opaque, and the same for the same assignment."""
    key = f"{given.principal_id}/{given.resource_id}/{given.role_id}"
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()).rstrip(b"=").decode()


def assignment(given: Assignment, directory: Directory) -> dict[str, Any]:
    """An `appRoleAssignment`."""
    by_id = {principal.object_id: principal for principal in directory.principals()}
    return {
        "id": assignment_id(given),
        "deletedDateTime": None,
        "appRoleId": given.role_id,
        "createdDateTime": timestamp(given.created),
        "principalDisplayName": by_id[given.principal_id].name,
        "principalId": given.principal_id,
        "principalType": _type(by_id[given.principal_id]),
        "resourceDisplayName": by_id[given.resource_id].name,
        "resourceId": given.resource_id,
    }


def _type(principal: Principal) -> str:
    if isinstance(principal, User):
        return "User"
    return "Group" if isinstance(principal, Group) else "ServicePrincipal"
