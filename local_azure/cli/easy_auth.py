"""`easy-auth`: App Service authentication in front of an app."""

import argparse

from local_azure.cli import log_output
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.serving.errors import StartError
from local_azure.serving.http_server import require_local_host, uvicorn_server
from local_azure.serving.ports import LOOPBACK, bind
from local_azure.tenant.loader import load


def run(options: argparse.Namespace) -> int:
    """Serve the proxy until this process is stopped."""
    log_output.configure("easy-auth")
    directory = load(options.tenant)
    api = directory.application(options.api)
    if api is None:
        known = ", ".join(app.name for app in directory.applications)
        raise StartError(f"No application is called {options.api}; the tenant file has {known}.")
    keys = JwksClient(options.url.rstrip("/"), directory.tenant_id, api.token_version)
    app = require_local_host(EasyAuthProxy(options.to, api, keys))
    with bind(options.port) as listener:
        origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        print(f"{origin} authenticates callers of {api.name} and forwards them to {options.to}", flush=True)
        uvicorn_server(app).run(sockets=[listener])
    return 0
