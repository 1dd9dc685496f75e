"""The identity endpoint of a virtual machine (IMDS), api-version 2018-02-01.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. A machine has no
secret to be known by, so this one serves the identities of one site.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.identity_tokens import IdentityTokens
from local_azure.managed_identity import select
from local_azure.principals import ManagedIdentity, Site
from local_azure.refusals import Refused

PATH = "/metadata/identity/oauth2/token"

_SELECTORS = {"client_id": "client_id", "object_id": "object_id", "msi_res_id": "resource_id"}


class Imds:
    """Gives tokens of this site's identities to whoever asks with `Metadata: true`."""

    def __init__(self, site: Site, tokens: IdentityTokens) -> None:
        self._site = site
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """For a Starlette app; MSAL for Node asks with a slash at the end."""
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
        return self._answer(found[0], query["resource"])

    def _answer(self, identity: ManagedIdentity, resource: str) -> JSONResponse:
        try:
            token = self._tokens.get(identity, resource)
        except Refused as refused:
            if refused.error == "invalid_resource":
                # IMDS has another code for it.
                return error(400, "invalid_resource", refused.text.replace(str(refused.code), "50001"))
            return error(400, refused.error, refused.text)
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
    """An error in OAuth's shape."""
    return JSONResponse({"error": name, "error_description": description}, status_code=status)


def _default(identities: list[ManagedIdentity]) -> list[ManagedIdentity]:
    """The system-assigned identity; without one, a user-assigned one where there is no choice."""
    return [identity for identity in identities if identity.system_assigned] or identities
