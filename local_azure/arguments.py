"""The command line of `python -m local_azure`."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from local_azure import control_commands
from local_azure.defaults import HTTP_PORT, HTTPS_PORT, STATE
from local_azure.directory import SHIPPED
from local_azure.exports import FORMATS

EXAMPLES = """examples:
  python -m local_azure demo                     both function apps, called once, then yours to play with
  python -m local_azure run -- func start        any command, with a managed identity and a tenant that are local
  python -m local_azure serve                    the same for commands in other terminals
  python -m local_azure host . --port 7071       the Functions host alone
  python -m local_azure easy-auth --to http://127.0.0.1:7072 --api aad-func
  python -m local_azure token --user developer@local.example --scope api://<client id>/.default
  python -m local_azure control --help           keys, kept tokens, faults and counters
"""

Command = Callable[[argparse.Namespace], int]


def parse(commands: Mapping[str, Command], arguments: list[str] | None) -> argparse.Namespace:
    """The options of one command; `run` among them is what carries it out."""
    parser = argparse.ArgumentParser(
        "python -m local_azure",
        description="Azure on this machine: managed identity, tenant, Graph, Easy Auth and a Functions host.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found = parser.add_subparsers(required=True, metavar="COMMAND")
    azure = _azure()

    demo = found.add_parser("demo", parents=[azure], help="both function apps with everything they need")
    demo.add_argument("--once", action="store_true", help="call once, print, and exit 0 only on 200")
    demo.add_argument("--api", default="aad-func", metavar="NAME", help="its registration (default: %(default)s)")
    demo.add_argument("--easy-auth", action="store_true", help="put App Service authentication in front of aad-func")
    demo.set_defaults(run=commands["demo"])

    run = found.add_parser("run", parents=[azure, _kind()], help="a command with the settings that make Azure local")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="the command, after --")
    run.set_defaults(run=commands["run"])

    serve = found.add_parser("serve", parents=[azure, _kind()], help="tenant and identity endpoint, until Ctrl+C")
    serve.add_argument(
        "--format", choices=FORMATS, default="sh", help="of the settings that are printed (default: %(default)s)"
    )
    serve.set_defaults(run=commands["serve"])

    host = found.add_parser("host", help="a Functions host for HTTP functions")
    host.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the function app (default: this one)")
    host.add_argument("--port", type=int, default=7071, help="default: %(default)s; 0: any")
    host.add_argument("--name", default="", help="stands before each log line")
    host.add_argument("--no-local-settings", action="store_true", help="do not read local.settings.json")
    host.add_argument("--verbose", action="store_true", help="log everything, as func start --verbose does")
    host.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    host.set_defaults(run=commands["host"])

    proxy = found.add_parser("easy-auth", help="App Service authentication in front of an app")
    proxy.add_argument("--to", required=True, metavar="URL", help="the app, started with WEBSITE_AUTH_ENABLED=True")
    proxy.add_argument("--api", required=True, metavar="NAME", help="the app's registration in the tenant file")
    proxy.add_argument("--port", type=int, default=8072, help="default: %(default)s; 0: any")
    _add_tenant(proxy)
    control_commands.add_url(proxy)
    proxy.set_defaults(run=commands["easy-auth"])

    control_commands.add(found)
    return parser.parse_args(arguments)


def _azure() -> argparse.ArgumentParser:
    azure = argparse.ArgumentParser(add_help=False)
    _add_tenant(azure)
    azure.add_argument(
        "--port",
        type=int,
        default=HTTP_PORT,
        help="of tenant and identity endpoint (default: %(default)s; 0: any, for all that a demo starts)",
    )
    azure.add_argument(
        "--https-port", type=int, metavar="PORT", help=f"of the same over https (default: {HTTPS_PORT}; 0: any)"
    )
    azure.add_argument(
        "--state", type=Path, default=STATE, metavar="FOLDER", help="where keys are kept (default: %(default)s)"
    )
    azure.add_argument("--site", metavar="NAME", help="whose managed identity (default: the tenant's first site)")
    azure.add_argument(
        "--no-token-cache", action="store_true", help="do not keep tokens for a day: a role is seen at once"
    )
    return azure


def _add_tenant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tenant", type=Path, default=SHIPPED, metavar="FILE", help="the tenant (default: the one shipped)"
    )


def _kind() -> argparse.ArgumentParser:
    kind = argparse.ArgumentParser(add_help=False)
    kind.add_argument(
        "--imds", action="store_true", help="be a virtual machine: its identity endpoint in place of App Service's"
    )
    return kind
