"""Microsoft Graph, limited to requests that find principals and assign app roles.

https://learn.microsoft.com/graph/api/overview. local_azure/README.md lists the emulated requests. Others get a 501.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_issuer import TokenIssuer
from local_azure.entra.token_validation import InvalidToken, extract_bearer_token, validate
from local_azure.graph.app_role_assignments import AppRoleAssignments
from local_azure.graph.directory_objects import DirectoryObjects, require_user
from local_azure.graph.errors import GraphError, error_response, not_emulated
from local_azure.graph.odata_query import entity_response
from local_azure.tenant.directory import Directory

RESOURCE = "https://graph.microsoft.com"

# A token needs one of these permissions, as an app role in an application's token or a scope in a user's token.
READ = frozenset({"Application.Read.All", "Directory.Read.All"})
READ_USERS = frozenset({"User.Read.All", "Directory.Read.All"})
READ_GROUPS = frozenset({"Group.ReadWrite.All", "Directory.Read.All"})
READ_ORGANIZATION = frozenset({"User.Read", "Organization.Read.All", "Directory.Read.All"})
READ_SELF = frozenset({"User.Read", "User.Read.All", "Directory.Read.All"})
WRITE_GROUPS = frozenset({"Group.ReadWrite.All"})
WRITE_ASSIGNMENTS = frozenset({"AppRoleAssignment.ReadWrite.All"})

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Handler = Callable[[Request], Awaitable[Response]]


class Graph:
    """Serves `/v1.0` to callers whose access token from this tenant contains the required permission."""

    def __init__(self, directory: Directory, keys: KeyRing, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._keys = keys
        self._issuer = issuer
        self._objects = DirectoryObjects(directory)
        self._assignments = AppRoleAssignments(directory)

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app."""
        objects = self._objects
        routes = [
            self._route("/me", READ_SELF, self.me),
            self._route("/organization", READ_ORGANIZATION, objects.list_handler("organization")),
            self._route("/organization/{id}", READ_ORGANIZATION, objects.get_handler("organization", "id")),
            self._route("/users", READ_USERS, objects.list_handler("users")),
            self._route("/users/{id}", READ_USERS, objects.get_handler("users", "id", "userPrincipalName")),
            self._route("/groups", READ_GROUPS, objects.list_handler("groups")),
            self._route("/groups", WRITE_GROUPS, objects.create_group, "POST"),
            self._route("/groups/{id}", READ_GROUPS, objects.get_handler("groups", "id")),
            self._route("/groups/{id}/members", READ_GROUPS, objects.members),
        ]
        for kind in ("servicePrincipals", "applications"):
            routes += [
                self._route(f"/{kind}", READ, objects.list_handler(kind)),
                self._route(f"/{kind}/{{id}}", READ, objects.get_handler(kind, "id")),
                self._route(f"/{kind}(appId='{{id}}')", READ, objects.get_handler(kind, "appId")),
            ]
        for one in ("/servicePrincipals/{id}", "/servicePrincipals(appId='{app_id}')"):
            routes += [
                self._route(f"{one}/{{side}}", READ, self._assignments.list_assignments),
                self._route(f"{one}/{{side}}", WRITE_ASSIGNMENTS, self._assignments.create, "POST"),
                self._route(f"{one}/{{side}}/{{assignment}}", WRITE_ASSIGNMENTS, self._assignments.delete, "DELETE"),
            ]
        others = [Route(f"/{version}/{{path:path}}", self.other, methods=_METHODS) for version in ("v1.0", "beta")]
        return [*routes, *others]

    async def me(self, request: Request) -> Response:
        """GET /v1.0/me"""
        return entity_response(request, "users", self._objects.me(require_user(request.state.claims)))

    async def other(self, request: Request) -> Response:
        """Return a 501 for requests that are not emulated."""
        return error_response(not_emulated(f"{request.method} {request.url.path}"))

    def _route(self, path: str, permissions: frozenset[str], handler: Handler, method: str = "GET") -> Route:
        async def guarded(request: Request) -> Response:
            try:
                request.state.claims = self._authorize(request, permissions)
                return await handler(request)
            except GraphError as error:
                return error_response(error)

        return Route(f"/v1.0{path}", guarded, methods=[method])

    def _authorize(self, request: Request, permissions: frozenset[str]) -> dict[str, Any]:
        api = self._directory.api(RESOURCE)
        try:
            token = extract_bearer_token(request.headers.getlist("authorization"))
            if api is None:
                raise InvalidToken("Access token validation failure. Invalid audience.")
            audiences = (api.client_id, *api.app_id_uris)
            claims = validate(token, self._keys.public, self._issuer.issuer(api.token_version), audiences)
        except InvalidToken as error:
            raise GraphError(401, "InvalidAuthenticationToken", str(error)) from None
        held = {*claims["scp"].split()} if "scp" in claims else {*claims.get("roles", ())}
        if not held & permissions:
            denied = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", denied)
        return claims
