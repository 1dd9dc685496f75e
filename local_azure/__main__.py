"""python -m local_azure demo | run -- COMMAND | serve | host"""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from local_azure import processes
from local_azure.cloud import HTTP_PORT, HTTPS_PORT, STATE, LocalAzure
from local_azure.directory import SHIPPED, load
from local_azure.entries import EntryError
from local_azure.server import LOOPBACK, StartError, bind, only_local_hosts, uvicorn_server

EXAMPLES = """examples:
  python -m local_azure demo                     both function apps, called once, then yours to play with
  python -m local_azure run -- func start        any command, with a managed identity and a tenant that are local
  python -m local_azure serve                    the same for commands in other terminals
  python -m local_azure host . --port 7071       the Functions host alone
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for success, 1 where it could not start or the demo was refused."""
    options = _parser().parse_args(arguments)
    try:
        with processes.stoppable():
            code: int = options.run(options)
            return code
    except (StartError, EntryError) as error:
        print(f"local_azure: {error}", file=sys.stderr)
        return 1
    except processes.Stopped:
        return 0


def _demo(options: argparse.Namespace) -> int:
    from local_azure import demo

    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        return demo.run(azure, site=options.site, api_name=options.api, once=options.once)


def _run(options: argparse.Namespace) -> int:
    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        return processes.run(options.command, azure.environment(options.site))


def _serve(options: argparse.Namespace) -> int:
    _log("identity", logging.WARNING)
    with _azure(options) as azure:
        for name, value in azure.environment(options.site).items():
            print(f"export {name}={value}", flush=True)
        threading.Event().wait()
    return 0


def _host(options: argparse.Namespace) -> int:
    from local_azure.functions_host import FunctionsHost

    _log(options.name, logging.WARNING if options.child else logging.INFO)
    if options.child:
        processes.end_with_parent()
    host = FunctionsHost(options.folder)
    with bind(options.port) as listener:
        if not options.child:
            print(host.describe(f"http://{LOOPBACK}:{listener.getsockname()[1]}"), flush=True)
        uvicorn_server(only_local_hosts(host)).run(sockets=[listener])
    return 0


def _azure(options: argparse.Namespace) -> LocalAzure:
    return LocalAzure(load(options.tenant), port=options.port, https_port=options.https_port, state=options.state)


def _log(name: str, others: int) -> None:
    """Our own lines at INFO, everybody else's from `others` on."""
    logging.basicConfig(level=others, format=f"[{name}] %(message)s" if name else "%(message)s", stream=sys.stderr)
    logging.getLogger("local_azure").setLevel(logging.INFO)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m local_azure",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    azure = argparse.ArgumentParser(add_help=False)
    azure.add_argument(
        "--tenant", type=Path, default=SHIPPED, metavar="FILE", help="the tenant (default: the one shipped)"
    )
    azure.add_argument(
        "--port", type=int, default=HTTP_PORT, help="of tenant and identity endpoint (default: %(default)s; 0: any)"
    )
    azure.add_argument(
        "--https-port", type=int, metavar="PORT", help=f"of the same over https (default: {HTTPS_PORT}; 0: any)"
    )
    azure.add_argument(
        "--state", type=Path, default=STATE, metavar="FOLDER", help="where keys are kept (default: %(default)s)"
    )
    azure.add_argument(
        "--site", default="msi-func", metavar="NAME", help="whose managed identity (default: %(default)s)"
    )

    demo = commands.add_parser("demo", parents=[azure], help="both function apps with everything they need")
    demo.add_argument("--once", action="store_true", help="call once, print, and exit 0 only on 200")
    demo.add_argument(
        "--api", default="aad-func", metavar="NAME", help="app registration of aad-func (default: %(default)s)"
    )
    demo.set_defaults(run=_demo)

    run = commands.add_parser("run", parents=[azure], help="a command with the settings that make Azure local")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="the command, after --")
    run.set_defaults(run=_run)

    serve = commands.add_parser("serve", parents=[azure], help="tenant and identity endpoint, until Ctrl+C")
    serve.set_defaults(run=_serve)

    host = commands.add_parser("host", help="a Functions host for HTTP functions")
    host.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the function app (default: this one)")
    host.add_argument("--port", type=int, default=7071, help="default: %(default)s; 0: any")
    host.add_argument("--name", default="", help="stands before each log line")
    host.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    host.set_defaults(run=_host)
    return parser


if __name__ == "__main__":
    code = main()
    # Not sys.exit: a function that is still running in the pool must not hold the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
