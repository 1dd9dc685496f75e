"""The App Service managed identity endpoint, api-version 2019-08-01.

https://learn.microsoft.com/azure/app-service/overview-managed-identity (request and answer); the error bodies are those
that people report, in the shape that azure-identity can show.
"""

import logging
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.directory import Directory
from local_azure.environment import MANAGED_IDENTITY_PATH
from local_azure.principals import ManagedIdentity, Site
from local_azure.tokens import Issuer

PATH = MANAGED_IDENTITY_PATH
API_VERSION = "2019-08-01"

# The platform's own words, its spelling included.
NO_IDENTITY = "Unable to load the proper Managed Identity."
NO_TOKEN = "An unexpected error occured while fetching the AAD Token."

log = logging.getLogger(__name__)


class ManagedIdentityEndpoint:
    """Gives each site tokens of its own identities; the site is known by the secret in X-IDENTITY-HEADER."""

    def __init__(self, directory: Directory, issuer: Issuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """For a Starlette app."""
        return [Route(PATH, self.token, methods=["GET"])]

    async def token(self, request: Request) -> JSONResponse:
        """GET /msi/token?api-version=2019-08-01&resource=...[&client_id=|principal_id=|object_id=|mi_res_id=]"""
        query = request.query_params
        secret = request.headers.get("x-identity-header", "")
        site = next((site for site in self._directory.sites if site.identity_header == secret), None)
        if site is None:
            return _error(401, "The X-IDENTITY-HEADER header is missing or not this site's.")
        if query.get("api-version") != API_VERSION:
            return _error(400, f"The api-version parameter has to be {API_VERSION}.")
        resource = query.get("resource")
        if not resource:
            return _error(400, "The resource parameter is missing.")
        identity = _identity(site, query)
        if identity is None:
            log.warning("%s: no such identity here", site.name)
            return _error(400, NO_IDENTITY)
        api = self._directory.api(resource)
        if api is None or (api.assignment_required and not self._directory.roles(identity, api)):
            # What went wrong stays in the platform's own log, and here.
            why = (
                "no API has this App ID URI or client id"
                if api is None
                else "assignment required, and none is there (AADSTS501051)"
            )
            log.warning("%s: no token for %s: %s", identity.name, resource, why)
            return _error(500, NO_TOKEN)
        token = self._issuer.for_application(identity, api, resource)
        log.info("%s: token for %s, roles: %s", identity.name, resource, ", ".join(token.roles) or "none")
        return JSONResponse(
            {
                "access_token": token.value,
                "expires_on": str(token.expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }
        )


# Query parameters that select an identity (at most one of them), and the attribute that each names.
_SELECTORS = {
    "client_id": "client_id",
    "principal_id": "object_id",
    "object_id": "object_id",
    "mi_res_id": "resource_id",
}


def _identity(site: Site, query: Mapping[str, str]) -> ManagedIdentity | None:
    given = [(attribute, query[name].lower()) for name, attribute in _SELECTORS.items() if name in query]
    if len(given) > 1:
        return None
    for identity in site.identities:
        if identity.system_assigned if not given else getattr(identity, given[0][0]).lower() == given[0][1]:
            return identity
    return None


def _error(status: int, message: str) -> JSONResponse:
    body = {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
    return JSONResponse(body, status_code=status)
