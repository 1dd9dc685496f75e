"""App role assignments in Graph, by API (appRoleAssignedTo) and by principal (appRoleAssignments).

https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto and
https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments
"""

import logging

from starlette.requests import Request
from starlette.responses import Response

from local_azure.graph import resources
from local_azure.graph.errors import bad_request, not_found
from local_azure.graph.json_body import read_json_body
from local_azure.graph.odata_query import entity_response, list_response
from local_azure.tenant.directory import Directory
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, ServicePrincipal, member_type

# The ID of the default access role, for principals of a kind for which the API has no roles. Tokens do not contain it.
NO_ROLE = "00000000-0000-0000-0000-000000000000"

# Maps each collection to the assignment's member that contains the ID of the service principal in the path.
_SIDES = {"appRoleAssignedTo": "resourceId", "appRoleAssignments": "principalId"}

log = logging.getLogger(__name__)


class AppRoleAssignments:
    """Lists, creates and deletes the assignments of a service principal."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def list_assignments(self, request: Request) -> Response:
        """GET .../appRoleAssignedTo and .../appRoleAssignments"""
        found = [resources.assignment(one, self._directory) for one in self._of_service_principal(request)]
        return list_response(request, "appRoleAssignments", found)

    async def create(self, request: Request) -> Response:
        """POST .../appRoleAssignedTo and .../appRoleAssignments"""
        body = await _read_assignment(request)
        if body[_side(request)] != self._service_principal(request).object_id:
            raise bad_request("Not a valid reference update.")
        new = self._assignment(body)
        if new in self._directory.assignments:
            raise bad_request("Permission being assigned already exists on the object")
        self._directory.assignments.append(new)
        created = resources.assignment(new, self._directory)
        log.info("graph: assigned a role of %s to %s", created["resourceDisplayName"], created["principalDisplayName"])
        return entity_response(request, "appRoleAssignments", created, 201)

    async def delete(self, request: Request) -> Response:
        """DELETE .../appRoleAssignedTo/{assignment} and .../appRoleAssignments/{assignment}"""
        wanted = request.path_params["assignment"]
        given = next(
            (one for one in self._of_service_principal(request) if resources.assignment_id(one) == wanted), None
        )
        if given is None:
            raise not_found(wanted)
        self._directory.assignments.remove(given)
        deleted = resources.assignment(given, self._directory)
        log.info("graph: removed a role of %s from %s", deleted["resourceDisplayName"], deleted["principalDisplayName"])
        return Response(status_code=204)

    def _service_principal(self, request: Request) -> ServicePrincipal:
        wanted = {name: value.lower() for name, value in request.path_params.items()}
        for one in self._directory.service_principals():
            if one.object_id == wanted.get("id") or one.client_id == wanted.get("app_id"):
                return one
        raise not_found(wanted.get("id") or wanted["app_id"])

    def _of_service_principal(self, request: Request) -> list[Assignment]:
        """Return the assignments whose API or principal is the service principal in the path."""
        here = self._service_principal(request).object_id
        of_principal = _side(request) == "principalId"
        return [
            one
            for one in self._directory.assignments
            if (one.principal_id if of_principal else one.resource_id) == here
        ]

    def _assignment(self, body: dict[str, str]) -> Assignment:
        by_id = {principal.object_id: principal for principal in self._directory.principals()}
        principal, api = by_id.get(body["principalId"]), by_id.get(body["resourceId"])
        if principal is None or not isinstance(api, Application):
            raise bad_request("Not a valid reference update.")
        kind, role_id = member_type(principal), body["appRoleId"]
        for_kind = [role.id for role in api.app_roles if kind in role.member_types]
        if role_id not in (for_kind or [NO_ROLE]):
            raise bad_request(f"Permission being assigned was not found on application '{api.client_id}'.")
        return Assignment(principal.object_id, api.object_id, role_id)


def _side(request: Request) -> str:
    segment: str = request.path_params["side"]
    if segment not in _SIDES:
        raise bad_request(f"Resource not found for the segment '{segment}'.")
    return _SIDES[segment]


async def _read_assignment(request: Request) -> dict[str, str]:
    body = await read_json_body(request)
    values = {name: body.get(name) for name in ("principalId", "resourceId", "appRoleId")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'AppRoleAssignment'.")
    return {name: str(value).lower() for name, value in values.items()}
