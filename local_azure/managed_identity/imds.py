"""The identity endpoint of a virtual machine (IMDS), api-version 2018-02-01.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. Requests do not
identify a machine, so this endpoint serves the identities of a single site.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.entra.errors import TokenRequestError
from local_azure.managed_identity.app_service import select
from local_azure.managed_identity.token_cache import ManagedIdentityTokenCache
from local_azure.tenant.principals import ManagedIdentity, Site

PATH = "/metadata/identity/oauth2/token"

_SELECTORS = {"client_id": "client_id", "object_id": "object_id", "msi_res_id": "resource_id"}


class ImdsEndpoint:
    """Returns tokens of one site's managed identities."""

    def __init__(self, site: Site, tokens: ManagedIdentityTokenCache) -> None:
        self._site = site
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app. MSAL for Node appends a slash."""
        return [Route(path, self.token, methods=["GET"]) for path in (PATH, f"{PATH}/")]

    async def token(self, request: Request) -> JSONResponse:
        """GET /metadata/identity/oauth2/token?api-version=...&resource=...[&client_id=|object_id=|msi_res_id=]"""
        query = request.query_params
        if request.headers.get("metadata", "").lower() != "true":
            return error(400, "bad_request_102", "Required metadata header not specified")
        for name in ("api-version", "resource"):
            if not query.get(name):
                return error(400, "invalid_request", f"Required query variable '{name}' is missing")
        found = select(self._site, _SELECTORS, query)
        if not _SELECTORS.keys() & query.keys():
            found = _default(found)
        if len(found) > 1:
            return error(400, "invalid_request", "Multiple user assigned identities exist, please specify which")
        if not found:
            return error(400, "invalid_request", "Identity not found")
        return self._response(found[0], query["resource"])

    def _response(self, identity: ManagedIdentity, resource: str) -> JSONResponse:
        try:
            token = self._tokens.get(identity, resource)
        except TokenRequestError as denied:
            if denied.error == "invalid_resource":
                # IMDS returns AADSTS50001 instead of the token endpoint's code.
                return error(400, "invalid_resource", denied.text.replace(str(denied.code), "50001"))
            return error(400, denied.error, denied.text)
        return JSONResponse(
            {
                "access_token": token.value,
                "refresh_token": "",
                "expires_in": str(self._tokens.seconds_left(token)),
                "expires_on": str(token.expires_on),
                "not_before": str(token.not_before),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


def error(status: int, name: str, description: str) -> JSONResponse:
    """Return an error response in OAuth's format."""
    return JSONResponse({"error": name, "error_description": description}, status_code=status)


def _default(identities: list[ManagedIdentity]) -> list[ManagedIdentity]:
    """Return the system-assigned identity if there is one, otherwise all user-assigned identities."""
    return [identity for identity in identities if identity.system_assigned] or identities
