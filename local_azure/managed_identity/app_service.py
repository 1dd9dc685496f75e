"""The App Service managed identity endpoint, api-version 2019-08-01.

https://learn.microsoft.com/azure/app-service/overview-managed-identity documents requests and responses, but
not error bodies. The error bodies in this module are based on azure-identity's error messages in users' reports.
"""

import logging
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.entra.errors import TokenRequestError
from local_azure.managed_identity.token_cache import ManagedIdentityTokenCache
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import ManagedIdentity, Site

PATH = "/msi/token"
API_VERSION = "2019-08-01"

# App Service's error messages, including the misspelling "occured".
NO_IDENTITY = "Unable to load the proper Managed Identity."
NO_TOKEN = "An unexpected error occured while fetching the AAD Token."

# Maps each query parameter that selects an identity to the attribute of the identity that must match.
# A request may have only one of these parameters.
_SELECTORS = {
    "client_id": "client_id",
    "principal_id": "object_id",
    "object_id": "object_id",
    "mi_res_id": "resource_id",
}

log = logging.getLogger(__name__)


class AppServiceEndpoint:
    """Returns tokens of a site's managed identities. The secret in X-IDENTITY-HEADER identifies the site."""

    def __init__(self, directory: Directory, tokens: ManagedIdentityTokenCache) -> None:
        self._directory = directory
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app. On App Service, IDENTITY_ENDPOINT may end with a slash."""
        return [Route(path, self.token, methods=["GET"]) for path in (PATH, f"{PATH}/")]

    async def token(self, request: Request) -> JSONResponse:
        """GET /msi/token?api-version=2019-08-01&resource=...[&client_id=|principal_id=|object_id=|mi_res_id=]"""
        query = request.query_params
        secret = request.headers.get("x-identity-header", "")
        site = next((site for site in self._directory.sites if site.identity_header == secret), None)
        if site is None:
            return error(401, "The X-IDENTITY-HEADER header is missing or invalid.")
        if query.get("api-version") != API_VERSION:
            return error(400, f"The api-version parameter must be {API_VERSION}.")
        resource = query.get("resource")
        if not resource:
            return error(400, "The resource parameter is missing.")
        identity = _identity(site, query)
        if identity is None:
            log.warning("%s: the site does not have the requested identity", site.name)
            return error(400, NO_IDENTITY)
        try:
            token = self._tokens.get(identity, resource)
        except TokenRequestError:
            return error(500, NO_TOKEN)
        return JSONResponse(
            {
                "access_token": token.value,
                "expires_on": str(token.expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }
        )


def select(site: Site, selectors: Mapping[str, str], query: Mapping[str, str]) -> list[ManagedIdentity]:
    """Return the site's identities that match the selector in the query.

    Returns all identities if the query has no selector, and no identity if the query has several selectors.
    """
    given = [(attribute, query[name].lower()) for name, attribute in selectors.items() if name in query]
    if len(given) > 1:
        return []
    return [
        identity
        for identity in site.identities
        if all(getattr(identity, attribute).lower() == value for attribute, value in given)
    ]


def _identity(site: Site, query: Mapping[str, str]) -> ManagedIdentity | None:
    found = select(site, _SELECTORS, query)
    if not _SELECTORS.keys() & query.keys():
        found = [identity for identity in found if identity.system_assigned]
    return found[0] if found else None


def error(status: int, message: str) -> JSONResponse:
    """Return an error response in App Service's format."""
    body = {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
    return JSONResponse(body, status_code=status)
