"""python -m local_azure demo | run -- COMMAND | serve | host | easy-auth | token | control"""

import argparse
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from local_azure import arguments as arguments_of
from local_azure import processes
from local_azure.directory import load
from local_azure.entries import EntryError
from local_azure.exports import FORMATS
from local_azure.server import LOOPBACK, StartError, bind, only_local_hosts, uvicorn_server

if TYPE_CHECKING:
    from local_azure.cloud import LocalAzure


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for success, 1 where it could not start or the demo was refused.

    Stopped by a signal, what stays until then has succeeded; anything else gives 128 and the signal's number.
    """
    commands = {"demo": _demo, "run": _run, "serve": _serve, "host": _host, "easy-auth": _easy_auth}
    options = arguments_of.parse(commands, arguments)
    try:
        with processes.stoppable():
            code: int = options.run(options)
            return code
    except (StartError, EntryError) as error:
        print(f"local_azure: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads what is printed has had enough
        return 141  # as in a shell: 128 and SIGPIPE's number
    except processes.Stopped as stopped:
        stays = options.run in (_serve, _host, _easy_auth) or (options.run is _demo and not options.once)
        return 0 if stays else 128 + stopped.number


def _demo(options: argparse.Namespace) -> int:
    from local_azure import demo

    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        any_ports = options.port == 0
        return demo.run(
            azure, api_name=options.api, once=options.once, easy_auth=options.easy_auth, any_ports=any_ports
        )


def _run(options: argparse.Namespace) -> int:
    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        return processes.run(options.command, azure.environment(imds=options.imds))


def _serve(options: argparse.Namespace) -> int:
    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        print(FORMATS[options.format](azure.environment(imds=options.imds)), flush=True)
        processes.until_stopped()


def _host(options: argparse.Namespace) -> int:
    from local_azure.functions_host import FunctionsHost

    usual = logging.WARNING if options.child else logging.INFO
    _log(options.name, logging.DEBUG if options.verbose else usual)
    if options.child:
        processes.end_with_parent()
    host = FunctionsHost(options.folder, local_settings=not options.no_local_settings)
    with bind(options.port) as listener:
        if not options.child:
            print(host.describe(f"http://{LOOPBACK}:{listener.getsockname()[1]}"), flush=True)
        uvicorn_server(only_local_hosts(host)).run(sockets=[listener])
    return 0


def _easy_auth(options: argparse.Namespace) -> int:
    from local_azure.easy_auth import EasyAuth
    from local_azure.tenant_client import TenantKeys

    _log("easy-auth", logging.WARNING)
    directory = load(options.tenant)
    api = directory.application(options.api)
    if api is None:
        known = ", ".join(app.name for app in directory.applications)
        raise StartError(f"No application is called {options.api}; the tenant file has {known}.")
    keys = TenantKeys(options.url.rstrip("/"), directory.tenant_id, api.token_version)
    app = only_local_hosts(EasyAuth(options.to, api, keys))
    with bind(options.port) as listener:
        origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        print(f"{origin} lets callers of {api.name} through to {options.to}", flush=True)
        uvicorn_server(app).run(sockets=[listener])
    return 0


def _azure(options: argparse.Namespace) -> "LocalAzure":
    from local_azure.cloud import LocalAzure

    return LocalAzure(
        load(options.tenant),
        port=options.port,
        https_port=options.https_port,
        state=options.state,
        site=options.site,
        keep_tokens=not options.no_token_cache,
    )


def _log(name: str, others: int) -> None:
    """Our own lines at INFO, everybody else's from `others` on."""
    logging.basicConfig(level=others, format=f"[{name}] %(message)s" if name else "%(message)s", stream=sys.stderr)
    logging.getLogger("local_azure").setLevel(logging.INFO)


if __name__ == "__main__":
    code = main()
    # Not sys.exit: a function that is still running in the pool must not hold the process.
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None where it is closed
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)
