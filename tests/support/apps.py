"""Run the function app in Functions hosts in subprocesses."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from local_azure.cloud import LocalAzure
from local_azure.functions_host import process
from local_azure.serving.http_server import BackgroundServer, Listener
from local_azure.serving.ports import LOOPBACK, bind, free_port, is_free
from tests.support.asgi_app.api import api as asgi_app
from tests.support.forked_host import forked_host

APP = Path(__file__).parents[2]
API = "aad-func"  # the registration that the demo uses
EASY_AUTH = {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "True"}

# Environment variables of the developer's machine that must not affect tests.
_PREFIXES = (
    "AAD_FUNC_",
    "MSI_FUNC_",
    "ENTRA_",
    "IDENTITY_",
    "MSI_",
    "IMDS_",
    "AZURE_",
    "AzureWebJobs",
    "WEBSITE_",
    "GRAPH_",
)
# Variables that enable coverage in subprocesses, read before clean_environment removes them.
_COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS_")}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Host:
    """A running Functions host."""

    origin: str
    log: Path
    pid: int

    def url(self, function: str) -> str:
        return f"{self.origin}/api/{function}"

    @property
    def printed(self) -> str:
        return self.log.read_text()


def aad_settings(azure: LocalAzure, api: str = API) -> dict[str, str]:
    """Return the settings that aad-func requires."""
    app = next(app for app in azure.directory.applications if app.name == api)
    return {
        "ENTRA_TENANT_ID": azure.directory.tenant_id,
        "ENTRA_AUTHORITY": azure.origin,
        "AAD_FUNC_CLIENT_ID": app.client_id,
    }


def msi_settings(azure: LocalAzure, aad_url: str, *, site: str = "msi-func", api: str = API) -> dict[str, str]:
    """Return the settings that msi-func requires."""
    app = next(app for app in azure.directory.applications if app.name == api)
    return {
        **azure.environment(site),
        "AAD_FUNC_URL": aad_url,
        "AAD_FUNC_SCOPE": f"{app.app_id_uris[0]}/.default",
    }


@contextlib.contextmanager
def running(
    settings: dict[str, str], *, folder: Path = APP, port: int = 0, verbose: bool = False, measured: bool = False
) -> Iterator[Host]:
    """Run a host with only these settings. Both functions are enabled unless a setting disables one.

    `measured` enables coverage in the host, which doubles its startup time.
    """
    port = port or free_port()
    # Ignore the developer's local.settings.json. The sample app's file is part of the test.
    options = [*(["--verbose"] if verbose else []), *(["--no-local-settings"] if folder == APP else [])]
    with clean_environment(), tempfile.NamedTemporaryFile(prefix="host-", suffix=".log") as log:
        # Coverage and sitecustomize.py are loaded when Python starts, so they require a new process.
        if measured or "PYTHONPATH" in settings or os.name != "posix":
            started = process.host(
                str(folder), port, "", {**(_COVERAGE if measured else {}), **settings}, output=log, options=options
            )  # type: ignore[arg-type]
        else:
            started = forked_host(str(folder), port, settings, log.name, options)
        # In this folder, `python -m local_azure` finds the package.
        with contextlib.chdir(APP), started as child:
            yield Host(f"http://{LOOPBACK}:{port}", Path(log.name), child.pid)


@contextlib.contextmanager
def serving(by: str, folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """Run function_app.py of `folder` in a Functions host, or its api.py in uvicorn, and yield the origin."""
    if by == "Functions host":
        with running(settings, folder=folder) as host:
            yield host.origin
        return
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "api:api", "--port", str(port), "--app-dir", str(folder)]
    with clean_environment():
        environment = {**os.environ, **settings}
    with subprocess.Popen(command, cwd=APP, env={**environment, "PYTHONPATH": str(APP)}) as server:
        try:
            while is_free(port):
                assert server.poll() is None
                time.sleep(0.05)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            server.terminate()


@contextlib.contextmanager
def serving_asgi(settings: dict[str, str]) -> Iterator[str]:
    """Run the ASGI app in this process, without a Functions host, and yield its origin.

    The app reads its settings once, on its first request.
    """
    listener = bind(0)
    origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    with BackgroundServer(asgi_app, [Listener(listener)]):
        with clean_environment():
            os.environ.update(settings)
            try:
                requests.get(f"{origin}/api/aad-func", timeout=30)
            finally:
                for name in settings:
                    del os.environ[name]
        yield origin


@contextlib.contextmanager
def clean_environment() -> Iterator[None]:
    """Remove the variables that the app or azure-identity would read, and restore them after the block."""
    saved = dict(os.environ)
    for name in saved:
        if name.startswith(_PREFIXES) or name in (*_PROXIES, *_COVERAGE):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(saved)
