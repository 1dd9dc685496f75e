"""The `demo` command, which runs this repository's two function apps with a local tenant.

In local_azure, only this module, demo_apps.py, demo_story.py and demo_texts.py depend on these apps.
"""

import argparse
import contextlib
import json
import sys
from typing import Any, NoReturn

import requests

from local_azure.cli import demo_story, log_output, tenant
from local_azure.cli.demo_apps import APP, DemoApps
from local_azure.cli.demo_texts import DemoTexts, summary
from local_azure.cli.signals import wait_for_shutdown
from local_azure.cloud import LocalAzure
from local_azure.serving.defaults import HTTP_PORT, HTTPS_PORT
from local_azure.serving.errors import StartError
from local_azure.serving.local_client import local_session
from local_azure.serving.ports import free_port, is_free
from local_azure.tenant.principals import Application

MSI_PORT, AAD_PORT = 7071, 7072
ROLE = "DoAll"


def run(options: argparse.Namespace) -> int:
    """Start both apps, send one request to msi-func and print the result.

    Without `--once`, run until this process is stopped. Returns 0 if the response is 200 and the caller has the role.
    """
    if not (APP / "function_app.py").is_file():
        raise StartError("The demo needs a clone of the repository, because the package does not contain the apps.")
    log_output.configure("identity")
    _avoid_ports_in_use(options)
    with tenant.from_options(options) as azure:
        msi_port, aad_port = (free_port(), free_port()) if options.port == 0 else usual_ports()
        apps = DemoApps(azure, _api(azure, options.api), msi_port, aad_port)
        texts = DemoTexts(apps, ROLE)
        with contextlib.ExitStack() as aad, contextlib.ExitStack() as msi:
            apps.start_aad(aad, easy_auth=options.easy_auth)
            apps.start_msi(msi)
            print(texts.addresses(easy_auth=options.easy_auth), flush=True)
            with local_session() as session:
                response = session.get(apps.msi_url, timeout=30)
            succeeded = show(apps.msi_url, response, complete=options.once)
            if not options.once:
                print(texts.menu(), flush=True)
                _answer_input(apps, texts, msi)
    return 0 if succeeded else 1


def _answer_input(apps: DemoApps, texts: DemoTexts, msi: contextlib.ExitStack) -> NoReturn:
    """Respond to each line of input until this process is stopped. Each response ends with an empty line."""
    while sys.stdin and (line := sys.stdin.readline()):
        choice = line.strip().lower()
        if choice == "r":
            msi.close()
            apps.start_msi(msi)
            print("msi-func has restarted.")
        elif choice == "2":
            print("Running msi-func with each of its two credentials ...", flush=True)
            print("\n".join(demo_story.rows(apps, ROLE)))
        else:
            print(texts.commands(choice) or texts.menu())
        print(flush=True)
    wait_for_shutdown()


def _api(azure: LocalAzure, name: str) -> Application:
    api = azure.directory.application(name)
    if api is None or not api.app_id_uris:
        known = ", ".join(app.name for app in azure.directory.applications if app.app_id_uris)
        raise StartError(f"No API is named {name}. The tenant file defines: {known}.")
    return api


def usual_ports() -> tuple[int, int]:
    """Return the ports for msi-func and aad-func. A default port that is in use is replaced, with a message."""
    return _port(MSI_PORT, "msi-func"), _port(AAD_PORT, "aad-func")


def _avoid_ports_in_use(options: argparse.Namespace) -> None:
    """Replace the tenant's default ports if they are in use, and print a message for each new port.

    Other ports are not replaced. If such a port is in use, the tenant cannot start.
    """
    if options.port == HTTP_PORT:
        options.port = _port(HTTP_PORT, "the tenant")
    if options.https_port is None and options.port:
        options.https_port = _port(HTTPS_PORT, "the tenant's https server")


def _port(default: int, name: str) -> int:
    if is_free(default):
        return default
    port = free_port()
    print(f"Port {default} is in use, so {name} uses {port}.")
    return port


def show(url: str, response: requests.Response, *, complete: bool) -> bool:
    """Print msi-func's response and return whether the status is 200 and the caller has the role.

    If `complete` is true, the whole body is printed in addition to a summary.
    """
    try:
        body: Any = response.json()
    except ValueError:
        print(f"GET {url} -> {response.status_code}, but the body is not JSON. See the host's output above.\n")
        return False
    if complete:
        print(json.dumps(body, indent=2))
    print(f"GET /api/msi-func -> {summary(response.status_code, body)}\n", flush=True)
    return response.status_code == 200 and ROLE in body["roles"]
