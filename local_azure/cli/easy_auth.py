"""The `easy-auth` command, which puts App Service authentication in front of an app."""

import argparse
from pathlib import Path

from local_azure.cli import log_output
from local_azure.cli.signals import handle_signals
from local_azure.easy_auth.auth_settings import read_auth_settings
from local_azure.easy_auth.policy import AuthPolicy
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.serving.errors import StartError
from local_azure.serving.http_server import require_local_host, uvicorn_server
from local_azure.serving.ports import LOOPBACK, bind
from local_azure.tenant.directory import Directory
from local_azure.tenant.loader import load
from local_azure.tenant.principals import Application


def run(options: argparse.Namespace) -> int:
    """Run the proxy until this process is stopped."""
    log_output.configure("easy-auth")
    directory = load(options.tenant)
    if options.auth_settings:
        api, version, policy = _from_settings(directory, options.auth_settings)
    else:
        api = _application(directory, options.api)
        version, policy = api.token_version, None
    keys = JwksClient(options.url.rstrip("/"), directory.tenant_id, version)
    server = uvicorn_server(require_local_host(EasyAuthProxy(options.to, api, keys, policy)))
    with bind(options.port) as listener:
        origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        print(f"{origin} authenticates requests to {api.name} and forwards them to {options.to}", flush=True)
        with handle_signals(server.handle_exit):
            server.run(sockets=[listener])
    return 0


def _application(directory: Directory, name: str) -> Application:
    api = directory.application(name)
    if api is None:
        known = ", ".join(app.name for app in directory.applications)
        raise StartError(f"No application is named {name}. The tenant file defines: {known}.")
    return api


def _from_settings(directory: Directory, file: Path) -> tuple[Application, int, AuthPolicy]:
    settings = read_auth_settings(file)
    api = next((app for app in directory.applications if app.client_id == settings.client_id), None)
    if api is None:
        known = ", ".join(f"{app.client_id} ({app.name})" for app in directory.applications)
        raise StartError(f"No application has the client ID {settings.client_id}. The tenant file defines: {known}.")
    if settings.tenant_id not in (None, directory.tenant_id):
        raise StartError(
            f"openIdIssuer names the tenant {settings.tenant_id}, but the local tenant is {directory.tenant_id}."
        )
    return api, settings.token_version, settings.policy
