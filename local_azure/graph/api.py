"""Microsoft Graph, as far as assigning app roles needs it: service principals, users, groups and assignments.

https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto and its neighbours. Lists come whole:
$select and $top are not looked at.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_issuer import TokenIssuer
from local_azure.entra.token_validation import InvalidToken, extract_bearer_token, validate
from local_azure.graph import odata_filter, resources
from local_azure.graph.errors import GraphError, bad_request, error_response, not_found
from local_azure.serving.request_body import BodyTooLarge, read_body
from local_azure.tenant.directory import Directory
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, ServicePrincipal, member_type

RESOURCE = "https://graph.microsoft.com"
READ = frozenset({"Application.Read.All", "Directory.Read.All"})
READ_PEOPLE = frozenset({"Directory.Read.All"})
WRITE = frozenset({"AppRoleAssignment.ReadWrite.All"})
# "May use the API", where the API has no role for that kind of principal. Makes no `roles` claim.
NO_ROLE = "00000000-0000-0000-0000-000000000000"

# The two ways to an assignment, and which of its ids each one's path gives.
_WAYS = {"appRoleAssignedTo": "resourceId", "appRoleAssignments": "principalId"}

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Graph:
    """`/v1.0/servicePrincipals`, for callers with a token of this tenant for Graph and the permission in it."""

    def __init__(self, directory: Directory, keys: KeyRing, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._keys = keys
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """For a Starlette app. A service principal is addressed by object id or as servicePrincipals(appId='...')."""
        routes = [
            Route(f"/v1.0/{kind}{one}", self._guarded(needed, handler(kind)), methods=["GET"])
            for kind, needed in (("servicePrincipals", READ), ("users", READ_PEOPLE), ("groups", READ_PEOPLE))
            for one, handler in (("", self._finder), ("/{id}", self._getter), ("(appId='{id}')", self._getter))
        ]
        for one in ("/v1.0/servicePrincipals/{id}", "/v1.0/servicePrincipals(appId='{app_id}')"):
            routes += [
                Route(f"{one}/{{way}}", self._guarded(READ, self.assignments), methods=["GET"]),
                Route(f"{one}/{{way}}", self._guarded(WRITE, self.assign), methods=["POST"]),
                Route(f"{one}/{{way}}/{{assignment}}", self._guarded(WRITE, self.unassign), methods=["DELETE"]),
            ]
        return routes

    def _finder(self, kind: str) -> Handler:
        """GET /v1.0/{kind}[?$filter=...]"""

        async def find(request: Request) -> Response:
            wanted = request.query_params.get("$filter")
            found = resources.listed(kind, self._directory)
            try:
                matches = odata_filter.parse(wanted, resources.FILTERABLE[kind]) if wanted else bool
            except ValueError:
                message = "Unsupported or invalid query filter clause specified."
                raise GraphError(400, "Request_UnsupportedQuery", message) from None
            return JSONResponse({"@odata.context": _context(request, kind), "value": list(filter(matches, found))})

        return find

    def _getter(self, kind: str) -> Handler:
        """GET /v1.0/{kind}/{id}"""

        async def get(request: Request) -> Response:
            wanted = request.path_params["id"].lower()
            name = "appId" if request.url.path.endswith(")") else "id"
            for one in resources.listed(kind, self._directory):
                if one.get(name) == wanted:
                    return JSONResponse({"@odata.context": _context(request, f"{kind}/$entity"), **one})
            raise not_found(wanted)

        return get

    async def assignments(self, request: Request) -> Response:
        """GET .../appRoleAssignedTo: who has roles of this API; .../appRoleAssignments: which roles this one has"""
        found = [resources.assignment(given, self._directory) for given in self._given(request)]
        return JSONResponse({"@odata.context": _context(request, "appRoleAssignments"), "value": found})

    async def assign(self, request: Request) -> Response:
        """POST .../appRoleAssignedTo and .../appRoleAssignments"""
        body = await _triple(request)
        if body[_way(request)] != self._service_principal(request).object_id:
            raise bad_request("Not a valid reference update.")
        new = self._assignment(body)
        if new in self._directory.assignments:
            raise bad_request("Permission being assigned already exists on the object")
        self._directory.assignments.append(new)
        created = resources.assignment(new, self._directory)
        log.info("graph: %s got a role of %s", created["principalDisplayName"], created["resourceDisplayName"])
        context = _context(request, "appRoleAssignments/$entity")
        return JSONResponse({"@odata.context": context, **created}, status_code=201)

    async def unassign(self, request: Request) -> Response:
        """DELETE .../appRoleAssignedTo/{assignment} and .../appRoleAssignments/{assignment}"""
        wanted = request.path_params["assignment"]
        given = next((one for one in self._given(request) if resources.assignment_id(one) == wanted), None)
        if given is None:
            raise not_found(wanted)
        self._directory.assignments.remove(given)
        gone = resources.assignment(given, self._directory)
        log.info("graph: %s lost a role of %s", gone["principalDisplayName"], gone["resourceDisplayName"])
        return Response(status_code=204)

    def _guarded(self, permissions: frozenset[str], handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                self._authorize(request, permissions)
                return await handler(request)
            except GraphError as problem:
                return error_response(problem)

        return guarded

    def _authorize(self, request: Request, permissions: frozenset[str]) -> None:
        """An application's permissions are app roles, those of a user's client are scopes."""
        api = self._directory.api(RESOURCE)
        try:
            token = extract_bearer_token(request.headers.getlist("authorization"))
            if api is None:
                raise InvalidToken("Access token validation failure. Invalid audience.")
            audiences = (api.client_id, *api.app_id_uris)
            claims = validate(token, self._keys.public, self._issuer.issuer(api.token_version), audiences)
        except InvalidToken as bad:
            raise GraphError(401, "InvalidAuthenticationToken", str(bad)) from None
        held = {*claims["scp"].split()} if "scp" in claims else {*claims.get("roles", ())}
        if not held & permissions:
            denied = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", denied)

    def _service_principal(self, request: Request) -> ServicePrincipal:
        wanted = {name: value.lower() for name, value in request.path_params.items()}
        for one in self._directory.service_principals():
            if one.object_id == wanted.get("id") or one.client_id == wanted.get("app_id"):
                return one
        raise not_found(wanted.get("id") or wanted["app_id"])

    def _given(self, request: Request) -> list[Assignment]:
        """The assignments on one side of this service principal."""
        here = self._service_principal(request).object_id
        of_principal = _way(request) == "principalId"
        return [
            given
            for given in self._directory.assignments
            if (given.principal_id if of_principal else given.resource_id) == here
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


def _way(request: Request) -> str:
    way: str = request.path_params["way"]
    if way not in _WAYS:
        raise bad_request(f"Resource not found for the segment '{way}'.")
    return _WAYS[way]


async def _triple(request: Request) -> dict[str, str]:
    try:
        body: Any = json.loads(await read_body(request))
    except (ValueError, BodyTooLarge):
        body = None
    if not isinstance(body, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
    values = {name: body.get(name) for name in ("principalId", "resourceId", "appRoleId")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'AppRoleAssignment'.")
    return {name: str(value).lower() for name, value in values.items()}


def _context(request: Request, what: str) -> str:
    return f"{request.base_url}v1.0/$metadata#{what}"
