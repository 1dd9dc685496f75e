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
from local_azure.environment import MANAGED_IDENTITY_PATH as PATH
from local_azure.identity_tokens import IdentityTokens
from local_azure.principals import ManagedIdentity, Site
from local_azure.refusals import Refused

API_VERSION = "2019-08-01"

# The platform's own words, its spelling included.
NO_IDENTITY = "Unable to load the proper Managed Identity."
NO_TOKEN = "An unexpected error occured while fetching the AAD Token."

# Query parameters that select an identity (at most one of them), and the attribute that each names.
_SELECTORS = {
    "client_id": "client_id",
    "principal_id": "object_id",
    "object_id": "object_id",
    "mi_res_id": "resource_id",
}

log = logging.getLogger(__name__)


class ManagedIdentityEndpoint:
    """Gives each site tokens of its own identities; the site is known by the secret in X-IDENTITY-HEADER."""

    def __init__(self, directory: Directory, tokens: IdentityTokens) -> None:
        self._directory = directory
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """For a Starlette app; the platform's IDENTITY_ENDPOINT has been seen with a slash at the end as well."""
        return [Route(path, self.token, methods=["GET"]) for path in (PATH, f"{PATH}/")]

    async def token(self, request: Request) -> JSONResponse:
        """GET /msi/token?api-version=2019-08-01&resource=...[&client_id=|principal_id=|object_id=|mi_res_id=]"""
        query = request.query_params
        secret = request.headers.get("x-identity-header", "")
        site = next((site for site in self._directory.sites if site.identity_header == secret), None)
        if site is None:
            return error(401, "The X-IDENTITY-HEADER header is missing or not this site's.")
        if query.get("api-version") != API_VERSION:
            return error(400, f"The api-version parameter has to be {API_VERSION}.")
        resource = query.get("resource")
        if not resource:
            return error(400, "The resource parameter is missing.")
        identity = _identity(site, query)
        if identity is None:
            log.warning("%s: no such identity here", site.name)
            return error(400, NO_IDENTITY)
        try:
            token = self._tokens.get(identity, resource)
        except Refused:
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
    """The site's identities that the query names; all of them where it names none. Two selectors name nothing."""
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
    """An error in the platform's shape."""
    body = {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
    return JSONResponse(body, status_code=status)
