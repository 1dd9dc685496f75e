"""`demo`: this repository's two function apps, each in a host of its own, with a tenant and a managed identity.

With what it prints (demo_texts.py), the one part of local_azure that knows the app.
"""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import requests

from local_azure import clients, demo_texts
from local_azure.cloud import LocalAzure
from local_azure.easy_auth import EasyAuth
from local_azure.principals import Application
from local_azure.processes import host, until_stopped
from local_azure.server import (
    LOOPBACK,
    BackgroundServer,
    Listener,
    StartError,
    bind,
    free_port,
    is_free,
    only_local_hosts,
)
from local_azure.tenant_client import TenantKeys, session

APP = Path(__file__).resolve().parent.parent
MSI_PORT, AAD_PORT = 7071, 7072
ROLE = "DoAll"


def run(azure: LocalAzure, *, api_name: str, once: bool, easy_auth: bool, any_ports: bool) -> int:
    """Start both apps, call msi-func once, print what came back; stay until stopped, unless `once`.

    With `any_ports` they listen where nobody does, rather than where one would look for them. Returns 0 where the
    answer was 200 and carried the role.
    """
    msi_port, aad_port = (free_port(), free_port()) if any_ports else usual_ports()
    apps = _Apps(azure, _api(azure, api_name), msi_port, aad_port)
    with contextlib.ExitStack() as aad, contextlib.ExitStack() as msi:
        apps.start_aad(aad, easy_auth=easy_auth)
        apps.start_msi(msi)
        print(demo_texts.where(azure, apps.msi_url, apps.aad_url, easy_auth=easy_auth))
        with session() as through:
            answer = through.get(apps.msi_url, timeout=30)
        succeeded = show(apps.msi_url, answer)
        if not once:
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
        # In front on the port that callers know; the app itself is where nobody looks.
        port = free_port()
        settings |= {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "True"}
        stack.enter_context(app_host(port, "aad-func", settings))
        keys = TenantKeys(self.azure.origin, self.azure.directory.tenant_id, self.api.token_version)
        front = only_local_hosts(EasyAuth(f"http://{LOOPBACK}:{port}", self.api, keys))
        stack.enter_context(BackgroundServer(front, [Listener(bind(self.aad_port))]))

    def _on_behalf_of(self) -> dict[str, str]:
        """What msi-func needs to call as its user, where the tenant has a registration and an identity for it."""
        found = clients.of_site(self.azure.directory, self.azure.site)
        if found is None:
            return {}
        app, identity = found
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
    """The function app with these settings, and without local.settings.json: that is for Azure, or another tenant."""
    return host(str(APP), port, name, settings, options=["--no-local-settings"])


def _restart_on_enter(apps: _Apps, msi: contextlib.ExitStack) -> NoReturn:
    """Restart msi-func for each line of input, until this process is stopped."""
    while sys.stdin and sys.stdin.readline():
        msi.close()
        apps.start_msi(msi)
        print("msi-func is restarted.", flush=True)
    until_stopped()


def _api(azure: LocalAzure, name: str) -> Application:
    api = azure.directory.application(name)
    if api is None or not api.app_id_uris:
        known = ", ".join(app.name for app in azure.directory.applications if app.app_id_uris)
        raise StartError(f"No API is called {name}; the tenant file has {known}.")
    return api


def usual_ports() -> tuple[int, int]:
    """Those of msi-func and aad-func; for one that is taken another, and a line that says so."""
    return _port(MSI_PORT, "msi-func"), _port(AAD_PORT, "aad-func")


def _port(wanted: int, name: str) -> int:
    if is_free(wanted):
        return wanted
    port = free_port()
    print(f"Port {wanted} is taken, so {name} is on {port}.")
    return port


def show(url: str, answer: requests.Response) -> bool:
    """Print msi-func's answer. Returns whether it is the one that was hoped for."""
    try:
        body: Any = answer.json()
    except ValueError:
        print(f"GET {url} -> {answer.status_code}, and no JSON: see above what the host said.\n")
        return False
    print(f"GET {url} -> {answer.status_code}\n{json.dumps(body, indent=2)}\n")
    if answer.status_code == 200 and ROLE in body["roles"]:
        caller = body["caller"]
        print(f"aad-func let in the {caller['kind']} {caller['client_id']}, by the role {ROLE} in its token.\n")
        return True
    code = body.get("downstream", {}).get("code") or body.get("code")
    print(f"msi-func did not get in: {code}.\n")
    return False
