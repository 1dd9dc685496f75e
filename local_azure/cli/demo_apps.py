"""This repository's two function apps, each on a separate Functions host."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.functions_host.process import host
from local_azure.serving.http_server import BackgroundServer, Listener, require_local_host
from local_azure.serving.ports import LOOPBACK, bind, free_port
from local_azure.tenant.principals import Application

APP = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class DemoApps:
    """The two function apps. `api` is aad-func's app registration."""

    azure: LocalAzure
    api: Application
    msi_port: int
    aad_port: int

    @property
    def msi_url(self) -> str:
        """msi-func's URL."""
        return f"http://{LOOPBACK}:{self.msi_port}/api/msi-func"

    @property
    def aad_url(self) -> str:
        """aad-func's URL."""
        return f"http://{LOOPBACK}:{self.aad_port}/api/aad-func"

    def start_msi(self, stack: contextlib.ExitStack) -> None:
        """Run msi-func until `stack` is closed."""
        stack.enter_context(self.msi_host(self.msi_port, "msi-func", self.azure.site.name))

    def msi_host(
        self, port: int, name: str, site: str, *, output: IO[bytes] | None = None, **settings: str
    ) -> contextlib.AbstractContextManager[object]:
        """Return a context manager that runs msi-func with the identities of `site` and additional settings."""
        environment = {**self.azure.environment(site), **self._calls(), **self.registration_settings(), **settings}
        return app_host(port, name, {**environment, "AzureWebJobs_aad_func_Disabled": "true"}, output=output)

    def start_aad(self, stack: contextlib.ExitStack, *, easy_auth: bool) -> None:
        """Run aad-func, behind Easy Auth if `easy_auth` is true, until `stack` is closed."""
        settings = {
            **self.azure.environment(),
            "AAD_FUNC_CLIENT_ID": self.api.client_id,
            "AzureWebJobs_msi_func_Disabled": "true",
        }
        if not easy_auth:
            stack.enter_context(app_host(self.aad_port, "aad-func", settings))
            return
        # Callers use `aad_port`, so the proxy listens there and the app listens on a free port.
        port = free_port()
        settings |= {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "True"}
        stack.enter_context(app_host(port, "aad-func", settings))
        keys = JwksClient(self.azure.origin, self.azure.directory.tenant_id, self.api.token_version)
        proxy = require_local_host(EasyAuthProxy(f"http://{LOOPBACK}:{port}", self.api, keys))
        stack.enter_context(BackgroundServer(proxy, [Listener(bind(self.aad_port))]))

    def registration_settings(self) -> dict[str, str]:
        """Return the settings for an app registration that trusts an identity of the site, or {} if none does."""
        federated = self.azure.directory.federated_application(self.azure.site)
        if federated is None:
            return {}
        app, identity = federated
        return {
            "MSI_FUNC_CALL_MODES": "app,user",
            "MSI_FUNC_CLIENT_ID": app.client_id,
            "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": identity.client_id,
        }

    def _calls(self) -> dict[str, str]:
        return {"AAD_FUNC_SCOPE": f"{self.api.app_id_uris[0]}/.default", "AAD_FUNC_URL": self.aad_url}


def app_host(
    port: int, name: str, settings: dict[str, str], *, output: IO[bytes] | None = None
) -> contextlib.AbstractContextManager[object]:
    """Return a context manager that runs the app without local.settings.json, which may name another tenant."""
    return host(str(APP), port, name, settings, options=["--no-local-settings"], output=output)
