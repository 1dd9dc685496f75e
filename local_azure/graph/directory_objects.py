"""Directory objects in Graph: service principals, applications, users, groups and the organization."""

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local_azure.graph import resources
from local_azure.graph.errors import GraphError, bad_request, not_emulated, not_found
from local_azure.graph.json_body import read_json_body
from local_azure.graph.odata_query import entity_response, list_response
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import Group

# Graph requires these properties of a new group: https://learn.microsoft.com/graph/api/group-post-groups
_GROUP = {"displayName": str, "mailEnabled": bool, "mailNickname": str, "securityEnabled": bool}

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class DirectoryObjects:
    """Lists and finds directory objects, and creates groups."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def list_handler(self, kind: str) -> Handler:
        """Return the handler for GET /v1.0/{kind}."""

        async def handle(request: Request) -> Response:
            entities = resources.entities(kind, self._directory)
            return list_response(request, kind, entities, resources.FILTERABLE[kind])

        return handle

    def get_handler(self, kind: str, *names: str) -> Handler:
        """Return the handler for GET /v1.0/{kind}/{id}. The ID must equal a property in `names`, ignoring case."""

        async def handle(request: Request) -> Response:
            return entity_response(request, kind, self._find(kind, request.path_params["id"], *names))

        return handle

    def me(self, object_id: str) -> dict[str, Any]:
        """Return the user with this object ID. Raises GraphError."""
        return self._find("users", object_id, "id")

    async def members(self, request: Request) -> Response:
        """GET /v1.0/groups/{id}/members"""
        group_id = self._find("groups", request.path_params["id"], "id")["id"]
        group = next(group for group in self._directory.groups if group.object_id == group_id)
        return list_response(request, "directoryObjects", resources.members(group, self._directory))

    async def create_group(self, request: Request) -> Response:
        """POST /v1.0/groups"""
        body = await read_json_body(request)
        for name in body.keys() - _GROUP.keys():
            raise not_emulated(f"the property {name} of a new group")
        for name, kind in _GROUP.items():
            if not isinstance(body.get(name), kind) or body[name] == "":
                raise bad_request(f"A value is required for property '{name}' of resource 'Group'.")
        if body["mailEnabled"] or not body["securityEnabled"]:
            raise not_emulated("groups other than security groups")
        group = Group(body["displayName"], str(uuid.uuid4()), ())
        self._directory.groups = (*self._directory.groups, group)
        log.info("graph: created the group %s", group.name)
        return entity_response(request, "groups", resources.group(group), 201)

    def _find(self, kind: str, wanted: str, *names: str) -> dict[str, Any]:
        for entity in resources.entities(kind, self._directory):
            if wanted.lower() in [str(entity[name]).lower() for name in names]:
                return entity
        raise not_found(wanted)


def require_user(claims: dict[str, Any]) -> str:
    """Return the object ID of the token's user. Raises GraphError for an application's token."""
    if "scp" not in claims:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return str(claims["oid"])
