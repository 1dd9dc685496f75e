"""LocalAzure: the tenant and the managed identity endpoint, running."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from local_azure import environment
from local_azure.assertions import Assertions
from local_azure.certificates import Certificates
from local_azure.control import ControlPlane
from local_azure.defaults import HTTP_PORT, HTTPS_PORT, STATE
from local_azure.directory import Directory
from local_azure.entra import Metadata, PublishedKeys
from local_azure.graph import Graph
from local_azure.identity_tokens import IdentityTokens
from local_azure.imds import Imds
from local_azure.keys import KeyRing
from local_azure.managed_identity import ManagedIdentityEndpoint
from local_azure.principals import Site
from local_azure.server import LOOPBACK, BackgroundServer, Listener, StartError, bind, only_local_hosts
from local_azure.token_endpoint import TokenEndpoint
from local_azure.tokens import Issuer
from local_azure.traffic import Traffic
from local_azure.user_tokens import UserTokens


class LocalAzure:
    """One tenant on this machine, the same over http and over https. A context manager; port 0 is any free one.

    The issuer of its tokens is the https origin, however they are asked for: clients exist that want it to be where
    they asked (MSAL for Node), and those ask by https. `https_port` is by default any free one where `port` is. `site`
    is the one whose identities IMDS serves, by default the tenant's first; with `keep_tokens` their tokens are kept for
    a day, as on the platform.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        port: int = HTTP_PORT,
        https_port: int | None = None,
        state: Path = STATE,
        site: str | None = None,
        keep_tokens: bool = True,
    ) -> None:
        self.directory = directory
        self.site = self._site(site or directory.sites[0].name)
        self.keys = KeyRing(state)
        self.certificates = Certificates(state)
        if https_port is None:
            https_port = HTTPS_PORT if port else 0
        if port and port == https_port:
            raise StartError(f"Port {port} cannot be for http and https: give another one with --https-port.")
        http, https = bind(port), bind(https_port, "--https-port")
        self.origin = f"http://{LOOPBACK}:{http.getsockname()[1]}"
        self.https_origin = f"https://{LOOPBACK}:{https.getsockname()[1]}"
        self.issuer = Issuer(directory, self.keys, self.https_origin)
        self.identity_tokens = IdentityTokens(self.issuer, keep=keep_tokens)
        self.traffic = Traffic()
        app = only_local_hosts(Starlette(routes=self._routes()))
        self._server = BackgroundServer(app, [Listener(http), Listener(https, self.certificates.server_context())])

    def __enter__(self) -> "LocalAzure":
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    def environment(self, site: str | None = None, *, imds: bool = False) -> dict[str, str]:
        """The settings with which a process is this site, by default the one that IMDS serves, in this tenant.

        With `imds` it is a virtual machine, without App Service's endpoint.
        """
        found = environment.settings(
            self._site(site) if site else self.site,
            self.directory.tenant_id,
            self.origin,
            self.https_origin,
            self.certificates.bundle,
        )
        return {name: value for name, value in found.items() if not (imds and name in environment.APP_SERVICE)}

    def _routes(self) -> list[Route]:
        assertions = Assertions(self.directory, self.keys, self.issuer)
        endpoints = {
            "msi": ManagedIdentityEndpoint(self.directory, self.identity_tokens).routes(),
            "imds": Imds(self.site, self.identity_tokens).routes(),
            "metadata": Metadata(self.directory, self.issuer).routes(),
            "keys": PublishedKeys(self.directory, self.keys, self.issuer).routes(),
            "token": TokenEndpoint(self.directory, self.issuer, assertions).routes(),
            "graph": Graph(self.directory, self.keys, self.issuer).routes(),
        }
        watched = [self.traffic.watched(name, routes) for name, routes in endpoints.items()]
        users = UserTokens(self.directory, self.issuer)
        control = ControlPlane(self.keys, self.identity_tokens, users, self.traffic)
        return [route for routes in (*watched, control.routes()) for route in routes]

    def _site(self, name: str) -> Site:
        site = self.directory.site(name)
        if site is None:
            known = ", ".join(site.name for site in self.directory.sites)
            raise StartError(f"No site is called {name}; the tenant file has {known}.")
        return site
