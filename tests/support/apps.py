"""The function app in Functions hosts of its own processes, with settings made to order."""

import contextlib
import os
import random
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
from local_azure.serving.ports import LOOPBACK, bind, is_free
from tests.support.asgi_app.api import api as asgi_app

APP = Path(__file__).parents[2]
API = "aad-func"  # the registration that the demo uses
EASY_AUTH = {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "True"}

# What the machine that runs the tests may have set, and must not decide them.
_OURS = (
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
# By which coverage gets into processes that are started: read at once, as hosts are started without it.
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
    """What aad-func needs."""
    app = next(app for app in azure.directory.applications if app.name == api)
    return {
        "ENTRA_TENANT_ID": azure.directory.tenant_id,
        "ENTRA_AUTHORITY": azure.origin,
        "AAD_FUNC_CLIENT_ID": app.client_id,
    }


def msi_settings(azure: LocalAzure, aad_url: str, *, site: str = "msi-func", api: str = API) -> dict[str, str]:
    """What msi-func needs."""
    app = next(app for app in azure.directory.applications if app.name == api)
    return {
        **azure.environment(site),
        "AAD_FUNC_URL": aad_url,
        "AAD_FUNC_SCOPE": f"{app.app_id_uris[0]}/.default",
    }


def unused_port() -> int:
    """Return a free port outside of the ephemeral range, where no other process gets it before the host does."""
    # pytest-randomly gives every process the same seed, so only the system's numbers differ between processes.
    numbers = random.SystemRandom()
    return next(port for port in iter(lambda: numbers.randrange(15_000, 32_000), 0) if is_free(port))


@contextlib.contextmanager
def running(
    settings: dict[str, str], *, folder: Path = APP, port: int = 0, verbose: bool = False, measured: bool = False
) -> Iterator[Host]:
    """A host with these settings and no others, both functions enabled unless the settings say otherwise.

    `measured` is for hosts that take part where coverage is: it makes starting one twice as long.
    """
    port = port or unused_port()
    # A developer's own local.settings.json must not decide tests; the sample app's is part of it.
    options = [*(["--verbose"] if verbose else []), *(["--no-local-settings"] if folder == APP else [])]
    with (
        clean_environment(),
        tempfile.NamedTemporaryFile(prefix="host-", suffix=".log") as log,
        contextlib.chdir(APP),  # where `python -m local_azure` finds the package
        process.host(
            str(folder), port, "", {**(_COVERAGE if measured else {}), **settings}, output=log, options=options
        ) as child,  # type: ignore[arg-type]
    ):
        yield Host(f"http://{LOOPBACK}:{port}", Path(log.name), child.pid)


@contextlib.contextmanager
def serving(by: str, folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """The origin of the app in `folder`: function_app.py in a Functions host, or api.py by uvicorn."""
    if by == "Functions host":
        with running(settings, folder=folder) as host:
            yield host.origin
        return
    port = unused_port()
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
    """The origin of the ASGI app without a Functions host. It runs in this process and reads its settings once."""
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
    """This process's environment without anything that the app or azure-identity would read."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(_OURS) or name in (*_PROXIES, *_COVERAGE):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)
