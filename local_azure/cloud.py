"""LocalAzure: the tenant and the managed identity endpoint, running."""

from pathlib import Path

from starlette.applications import Starlette

from local_azure.directory import Directory
from local_azure.entra import Entra
from local_azure.keys import KeyRing
from local_azure.managed_identity import PATH, ManagedIdentityEndpoint
from local_azure.server import LOOPBACK, BackgroundServer, StartError, bind, only_local_hosts
from local_azure.tokens import Issuer

HTTP_PORT, HTTPS_PORT = 8400, 8443
STATE = Path(".local_azure")


class LocalAzure:
    """One tenant on this machine. A context manager; port 0 is any free one."""

    def __init__(self, directory: Directory, *, port: int = HTTP_PORT, state: Path = STATE) -> None:
        self.directory = directory
        self.keys = KeyRing(state)
        listener = bind(port)
        self.origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        self.issuer = Issuer(directory, self.keys, self.origin)
        routes = [
            *ManagedIdentityEndpoint(directory, self.issuer).routes(),
            *Entra(directory, self.keys, self.issuer).routes(),
        ]
        self._server = BackgroundServer(only_local_hosts(Starlette(routes=routes)), listener)

    def __enter__(self) -> "LocalAzure":
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    def environment(self, site_name: str) -> dict[str, str]:
        """The settings with which a process is this site: its managed identity is ours, and so is its tenant."""
        site = self.directory.site(site_name)
        if site is None:
            known = ", ".join(site.name for site in self.directory.sites)
            raise StartError(f"No site is called {site_name}; the tenant file has {known}.")
        return {
            "IDENTITY_ENDPOINT": f"{self.origin}{PATH}",
            "IDENTITY_HEADER": site.identity_header,
            "ENTRA_AUTHORITY": self.origin,
            "ENTRA_TENANT_ID": self.directory.tenant_id,
        }
