"""The emulator as a context manager: a server for one tenant in this process."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from local_azure import environment
from local_azure.control.fault_injection import FaultInjector
from local_azure.control.plane import ControlPlane
from local_azure.entra import unknown_tenant
from local_azure.entra.assertions import AssertionValidator
from local_azure.entra.discovery import Jwks, OpenIdMetadata
from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_endpoint import TokenEndpoint
from local_azure.entra.token_issuer import TokenIssuer
from local_azure.entra.user_tokens import UserTokens
from local_azure.graph.api import Graph
from local_azure.managed_identity.app_service import AppServiceEndpoint
from local_azure.managed_identity.imds import ImdsEndpoint
from local_azure.managed_identity.token_cache import ManagedIdentityTokenCache
from local_azure.serving.certificates import Certificates
from local_azure.serving.clock import Clock
from local_azure.serving.defaults import HTTP_PORT, HTTPS_PORT, STATE
from local_azure.serving.errors import StartError
from local_azure.serving.http_server import BackgroundServer, Listener, require_local_host
from local_azure.serving.ports import LOOPBACK, bind
from local_azure.serving.web_pages import reject_web_pages
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import Site


class LocalAzure:
    """A server that emulates one tenant over http and https. A context manager.

    Port 0 selects a free port. By default, `https_port` is 8443, or 0 if `port` is 0. All tokens have an https issuer,
    because MSAL for Node connects over https and requires an issuer of the same origin. IMDS serves the managed
    identities of `site`, by default the tenant's first site. Managed identities' tokens are cached for 24 hours unless
    `cache_tokens` is false.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        port: int = HTTP_PORT,
        https_port: int | None = None,
        state: Path = STATE,
        site: str | None = None,
        cache_tokens: bool = True,
    ) -> None:
        self.directory = directory
        self.site = self._site(site or directory.sites[0].name)
        self.keys = KeyRing(state)
        self.certificates = Certificates(state)
        if https_port is None:
            https_port = HTTPS_PORT if port else 0
        if port and port == https_port:
            raise StartError(
                f"Port {port} cannot serve both http and https. Choose another https port with --https-port."
            )
        http, https = bind(port), bind(https_port, "--https-port")
        self.origin = f"http://{LOOPBACK}:{http.getsockname()[1]}"
        self.https_origin = f"https://{LOOPBACK}:{https.getsockname()[1]}"
        self.issuer = TokenIssuer(directory, self.keys, self.https_origin)
        self.clock = Clock()
        self.token_cache = ManagedIdentityTokenCache(self.issuer, self.clock, enabled=cache_tokens)
        self.faults = FaultInjector()
        app = require_local_host(reject_web_pages(Starlette(routes=self._routes())))
        self._server = BackgroundServer(app, [Listener(http), Listener(https, self.certificates.server_context())])

    def __enter__(self) -> "LocalAzure":
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    def environment(self, site: str | None = None, *, imds: bool = False) -> dict[str, str]:
        """Return the environment variables for a process that runs as `site`, by default the site that IMDS serves.

        With `imds`, App Service's variables are omitted, so that clients use IMDS, as on a virtual machine.
        """
        settings = environment.settings(
            self._site(site) if site else self.site,
            self.directory.tenant_id,
            self.origin,
            self.https_origin,
            self.certificates.bundle,
        )
        return {name: value for name, value in settings.items() if not (imds and name in environment.APP_SERVICE)}

    def _routes(self) -> list[Route]:
        assertions = AssertionValidator(self.directory, self.keys, self.issuer)
        endpoints = {
            "msi": AppServiceEndpoint(self.directory, self.token_cache).routes(),
            "imds": ImdsEndpoint(self.site, self.token_cache).routes(),
            "metadata": OpenIdMetadata(self.directory, self.issuer).routes(),
            "keys": Jwks(self.directory, self.keys, self.issuer).routes(),
            "token": TokenEndpoint(self.directory, self.issuer, assertions).routes(),
            "graph": Graph(self.directory, self.keys, self.issuer).routes(),
        }
        instrumented = [self.faults.instrument(name, routes) for name, routes in endpoints.items()]
        instrumented.append(self.faults.instrument("metadata", unknown_tenant.routes()))
        users = UserTokens(self.directory, self.issuer)
        control = ControlPlane(self.keys, self.clock, self.token_cache, users, self.faults, self.environment)
        return [route for routes in (*instrumented, control.routes()) for route in routes]

    def _site(self, name: str) -> Site:
        site = self.directory.site(name)
        if site is None:
            known = ", ".join(site.name for site in self.directory.sites)
            raise StartError(f"No site is named {name}. The tenant file defines: {known}.")
        return site
