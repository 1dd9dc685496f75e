"""`demo`: this repository's two function apps on separate hosts, with a tenant and a managed identity.

Together with its texts (demo_texts.py), the only part of local_azure that knows the app.
"""

import argparse
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import requests

from local_azure.cli import demo_texts, log_output, tenant
from local_azure.cli.signals import wait_for_shutdown
from local_azure.cloud import LocalAzure
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.functions_host.process import host
from local_azure.serving.errors import StartError
from local_azure.serving.http_server import BackgroundServer, Listener, require_local_host
from local_azure.serving.local_client import local_session
from local_azure.serving.ports import LOOPBACK, bind, free_port, is_free
from local_azure.tenant.principals import Application

APP = Path(__file__).resolve().parents[2]
MSI_PORT, AAD_PORT = 7071, 7072
ROLE = "DoAll"


def run(options: argparse.Namespace) -> int:
    """Start both apps, send one request to msi-func, print the response; unless `once`, run until stopped.

    Returns 0 if the response is 200 and the token has the role. With `--port 0` both apps use free ports.
    """
    if not (APP / "function_app.py").is_file():
        raise StartError("The demo needs a clone of the repository, because the package does not contain the apps.")
    log_output.configure("identity")
    with tenant.from_options(options) as azure:
        msi_port, aad_port = (free_port(), free_port()) if options.port == 0 else usual_ports()
        apps = _Apps(azure, _api(azure, options.api), msi_port, aad_port)
        with contextlib.ExitStack() as aad, contextlib.ExitStack() as msi:
            apps.start_aad(aad, easy_auth=options.easy_auth)
            apps.start_msi(msi)
            print(demo_texts.addresses(azure, apps.msi_url, apps.aad_url, easy_auth=options.easy_auth))
            with local_session() as session:
                response = session.get(apps.msi_url, timeout=30)
            succeeded = show(apps.msi_url, response)
            if not options.once:
                role = apps.api.role(ROLE)
                print(demo_texts.things_to_try(azure, apps.api, role, apps.msi_url, apps.aad_url), flush=True)
                _restart_on_enter(apps, msi)
    return 0 if succeeded else 1


@dataclass(frozen=True, slots=True)
class _Apps:
    """The two function apps and their settings."""

    azure: LocalAzure
    api: Application
    msi_port: int
    aad_port: int

    @property
    def msi_url(self) -> str:
        return f"http://{LOOPBACK}:{self.msi_port}/api/msi-func"

    @property
    def aad_url(self) -> str:
        return f"http://{LOOPBACK}:{self.aad_port}/api/aad-func"

    def start_msi(self, stack: contextlib.ExitStack) -> None:
        settings = {**self._settings(), **self._on_behalf_of(), "AzureWebJobs_aad_func_Disabled": "true"}
        stack.enter_context(app_host(self.msi_port, "msi-func", settings))

    def start_aad(self, stack: contextlib.ExitStack, *, easy_auth: bool) -> None:
        settings = {**self._settings(), "AzureWebJobs_msi_func_Disabled": "true"}
        if not easy_auth:
            stack.enter_context(app_host(self.aad_port, "aad-func", settings))
            return
        # The proxy has the port that callers know; the app has a free one.
        port = free_port()
        settings |= {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "True"}
        stack.enter_context(app_host(port, "aad-func", settings))
        keys = JwksClient(self.azure.origin, self.azure.directory.tenant_id, self.api.token_version)
        proxy = require_local_host(EasyAuthProxy(f"http://{LOOPBACK}:{port}", self.api, keys))
        stack.enter_context(BackgroundServer(proxy, [Listener(bind(self.aad_port))]))

    def _on_behalf_of(self) -> dict[str, str]:
        """Return the settings for calls on behalf of a user, if the tenant has a registration and identity for them."""
        federated = self.azure.directory.federated_application(self.azure.site)
        if federated is None:
            return {}
        app, identity = federated
        return {
            "MSI_FUNC_CALL_MODES": "app,user",
            "MSI_FUNC_CLIENT_ID": app.client_id,
            "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": identity.client_id,
        }

    def _settings(self) -> dict[str, str]:
        return {
            **self.azure.environment(),
            "AAD_FUNC_CLIENT_ID": self.api.client_id,
            "AAD_FUNC_SCOPE": f"{self.api.app_id_uris[0]}/.default",
            "AAD_FUNC_URL": self.aad_url,
        }


def app_host(port: int, name: str, settings: dict[str, str]) -> contextlib.AbstractContextManager[object]:
    """Run the function app without local.settings.json, which may be for Azure or another tenant."""
    return host(str(APP), port, name, settings, options=["--no-local-settings"])


def _restart_on_enter(apps: _Apps, msi: contextlib.ExitStack) -> NoReturn:
    """Restart msi-func for each line of input until this process is stopped."""
    while sys.stdin and sys.stdin.readline():
        msi.close()
        apps.start_msi(msi)
        print("msi-func is restarted.", flush=True)
    wait_for_shutdown()


def _api(azure: LocalAzure, name: str) -> Application:
    api = azure.directory.application(name)
    if api is None or not api.app_id_uris:
        known = ", ".join(app.name for app in azure.directory.applications if app.app_id_uris)
        raise StartError(f"No API is called {name}; the tenant file has {known}.")
    return api


def usual_ports() -> tuple[int, int]:
    """Return the ports of msi-func and aad-func, or free ones, with a message, if they are in use."""
    return _port(MSI_PORT, "msi-func"), _port(AAD_PORT, "aad-func")


def _port(usual: int, name: str) -> int:
    if is_free(usual):
        return usual
    port = free_port()
    print(f"Port {usual} is in use, so {name} uses {port}.")
    return port


def show(url: str, response: requests.Response) -> bool:
    """Print msi-func's response and return whether it is a success with the role."""
    try:
        body: Any = response.json()
    except ValueError:
        print(f"GET {url} -> {response.status_code}, which is not JSON: see the host's output above.\n")
        return False
    print(f"GET {url} -> {response.status_code}\n{json.dumps(body, indent=2)}\n")
    if response.status_code == 200 and ROLE in body["roles"]:
        caller = body["caller"]
        print(f"aad-func accepted the {caller['kind']} {caller['client_id']}, whose token has the role {ROLE}.\n")
        return True
    code = body.get("downstream", {}).get("code") or body.get("code")
    print(f"msi-func was rejected: {code}.\n")
    return False
