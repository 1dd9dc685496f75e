"""The tenant's OpenID metadata and signing keys, for version 1 and version 2 tokens.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_issuer import TokenIssuer
from local_azure.tenant.directory import Directory


class OpenIdMetadata:
    """The OpenID metadata documents of one tenant."""

    def __init__(self, directory: Directory, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app."""
        tenant = f"/{self._directory.tenant_id}"
        return [
            Route(f"{tenant}/.well-known/openid-configuration", self.version_1),
            Route(f"{tenant}/v2.0/.well-known/openid-configuration", self.version_2),
        ]

    async def version_1(self, request: Request) -> JSONResponse:
        """GET /{tenant id}/.well-known/openid-configuration"""
        return self._metadata(request, 1, "oauth2/", "discovery/keys")

    async def version_2(self, request: Request) -> JSONResponse:
        """GET /{tenant id}/v2.0/.well-known/openid-configuration"""
        return self._metadata(request, 2, "oauth2/v2.0/", "discovery/v2.0/keys")

    def _metadata(self, request: Request, version: int, oauth: str, keys: str) -> JSONResponse:
        # The URLs have the request's scheme and host, so that a client does not switch between http and https.
        # The issuer is the same for all requests.
        tenant = f"{request.base_url}{self._directory.tenant_id}"
        return JSONResponse(
            {
                "issuer": self._issuer.issuer(version),
                "authorization_endpoint": f"{tenant}/{oauth}authorize",
                "token_endpoint": f"{tenant}/{oauth}token",
                "jwks_uri": f"{tenant}/{keys}",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": None,
                "cloud_instance_name": "local_azure",
            },
            headers={"Cache-Control": "max-age=86400, private"},
        )


class Jwks:
    """The JWKS documents of one tenant."""

    def __init__(self, directory: Directory, keys: KeyRing, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._keys = keys
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app."""
        discovery = f"/{self._directory.tenant_id}/discovery"
        return [Route(f"{discovery}/keys", self.version_1), Route(f"{discovery}/v2.0/keys", self.version_2)]

    async def version_1(self, request: Request) -> JSONResponse:
        """GET /{tenant id}/discovery/keys"""
        return JSONResponse({"keys": [key.jwk() for key in self._keys.keys]})

    async def version_2(self, request: Request) -> JSONResponse:
        """GET /{tenant id}/discovery/v2.0/keys, with an `issuer` member in each key"""
        issuer = self._issuer.issuer(2)
        return JSONResponse({"keys": [{**key.jwk(), "issuer": issuer} for key in self._keys.keys]})
