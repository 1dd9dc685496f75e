"""The `host` command, which runs the Functions host."""

import argparse
import logging

from local_azure.cli import log_output
from local_azure.cli.signals import handle_signals
from local_azure.functions_host.host import FunctionsHost
from local_azure.functions_host.process import end_with_parent
from local_azure.serving.http_server import require_local_host, uvicorn_server
from local_azure.serving.ports import LOOPBACK, bind


def run(options: argparse.Namespace) -> int:
    """Serve the function app until this process is stopped."""
    others = logging.WARNING if options.child else logging.INFO
    log_output.configure(options.name, logging.DEBUG if options.verbose else others)
    if options.child:
        end_with_parent()
    host = FunctionsHost(options.folder, local_settings=not options.no_local_settings)
    with bind(options.port) as listener:
        if not options.child:
            print(host.describe(f"http://{LOOPBACK}:{listener.getsockname()[1]}"), flush=True)
        server = uvicorn_server(require_local_host(host))
        with handle_signals(server.handle_exit):
            server.run(sockets=[listener])
    return 0
