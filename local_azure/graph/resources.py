"""Directory objects in Graph's JSON format, with the properties that role assignment requires.

https://learn.microsoft.com/graph/api/resources/serviceprincipal, .../application, .../user, .../group and
.../approleassignment
"""

import base64
import hashlib
import uuid
from typing import Any

from local_azure.graph.errors import timestamp
from local_azure.tenant.directory import Directory
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, Group, Principal, ServicePrincipal, User

# Client IDs of Graph, AAD Token Exchange, Azure Resource Manager, Key Vault, Storage, SQL Database and Service Bus.
# Microsoft registered these applications in another tenant, so `applications` does not contain them.
MICROSOFT_APPS = frozenset(
    {
        "00000003-0000-0000-c000-000000000000",
        "fb60f99c-7a34-4190-8149-302f77469936",
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        "e406a681-f3d4-42a8-90b6-c2b029497af1",
        "022907d3-0f1b-48f7-badc-1ba6abab6d66",
        "80a10ef9-8168-493d-abf9-3297c4ef6e3c",
    }
)


def service_principal(principal: ServicePrincipal) -> dict[str, Any]:
    """Return the `servicePrincipal` object."""
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
            "appRoles": _app_roles(principal),
            "oauth2PermissionScopes": _scopes(principal),
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


def application(app: Application) -> dict[str, Any]:
    """Return the `application` object.

    Its object ID is derived from the client ID. The object ID in the tenant file is that of the service principal.
    """
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"api://{app.client_id}")),
        "appId": app.client_id,
        "displayName": app.name,
        "identifierUris": list(app.app_id_uris),
        "signInAudience": "AzureADMyOrg",
        "api": {"requestedAccessTokenVersion": app.token_version, "oauth2PermissionScopes": _scopes(app)},
        "appRoles": _app_roles(app),
    }


def user(one: User) -> dict[str, Any]:
    """Return the `user` object."""
    return {"id": one.object_id, "displayName": one.name, "userPrincipalName": one.name, "accountEnabled": True}


def group(one: Group) -> dict[str, Any]:
    """Return the `group` object of a security group."""
    return {"id": one.object_id, "displayName": one.name, "mailEnabled": False, "securityEnabled": True}


def members(of: Group, directory: Directory) -> list[dict[str, Any]]:
    """Return the members of a group as `directoryObject`s."""
    found: list[dict[str, Any]] = []
    for principal in directory.principals():
        if principal.object_id not in of.members:
            continue
        if isinstance(principal, User):
            found.append({"@odata.type": "#microsoft.graph.user", **user(principal)})
        elif not isinstance(principal, Group):
            found.append({"@odata.type": "#microsoft.graph.servicePrincipal", **service_principal(principal)})
    return found


# Maps each collection to the properties that $filter supports.
FILTERABLE = {
    "servicePrincipals": frozenset({"appId", "displayName", "servicePrincipalNames"}),
    "applications": frozenset({"appId", "displayName", "identifierUris"}),
    "users": frozenset({"displayName", "userPrincipalName"}),
    "groups": frozenset({"displayName"}),
    "organization": frozenset[str](),
}


def entities(kind: str, directory: Directory) -> list[dict[str, Any]]:
    """Return all objects of a collection."""
    match kind:
        case "users":
            return [user(one) for one in directory.users]
        case "groups":
            return [group(one) for one in directory.groups]
        case "organization":
            return [{"id": directory.tenant_id, "displayName": directory.name, "tenantType": "AAD"}]
        case "applications":
            return [application(one) for one in directory.applications if one.client_id not in MICROSOFT_APPS]
        case _:
            return [service_principal(one) for one in directory.service_principals()]


def assignment_id(given: Assignment) -> str:
    """Return an opaque ID that is derived from the assignment."""
    key = f"{given.principal_id}/{given.resource_id}/{given.role_id}"
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()).rstrip(b"=").decode()


def assignment(given: Assignment, directory: Directory) -> dict[str, Any]:
    """Return the `appRoleAssignment` object."""
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


def _app_roles(app: Application) -> list[dict[str, Any]]:
    return [
        {
            "id": role.id,
            "value": role.value,
            "displayName": role.value,
            "description": role.value,
            "allowedMemberTypes": list(role.member_types),
            "isEnabled": True,
            "origin": "Application",
        }
        for role in app.app_roles
    ]


def _scopes(app: Application) -> list[dict[str, Any]]:
    return [
        {"id": scope.id, "value": scope.value, "type": "Admin" if scope.admin else "User", "isEnabled": True}
        for scope in app.scopes
    ]
