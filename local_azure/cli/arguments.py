"""The command-line arguments."""

import argparse
import sys
from pathlib import Path

from local_azure.cli import control_arguments
from local_azure.cli.settings_formats import FORMATS
from local_azure.serving.defaults import HTTP_PORT, HTTPS_PORT, STATE
from local_azure.tenant.loader import DEFAULT_TENANT_FILE

MAX_PORT = 65535

EXAMPLES = """examples:
  %(prog)s demo                     run both function apps and send a first request
  %(prog)s run -- func start        run a command with a local managed identity and tenant
  %(prog)s serve                    run the tenant for commands in other terminals
  eval "$(%(prog)s env)"            apply the settings of the running tenant to this terminal
  %(prog)s host . --port 7071       run only the Functions host
  %(prog)s easy-auth --to http://127.0.0.1:7072 --api aad-func
  %(prog)s token --user developer@local.example --scope api://<client id>/.default
  %(prog)s control --help           list the commands for keys, cached tokens, faults and counters
"""


def port(text: str) -> int:
    """Return a port number. Raises ArgumentTypeError, which argparse reports."""
    if not text.isascii() or not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port number. Choose a number from 0 to {MAX_PORT}.")
    return int(text)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the parsed arguments. `module` names the module in local_azure.cli that runs the command."""
    parser = argparse.ArgumentParser(
        _program(),
        description="Emulate Azure on this machine: managed identity, tenant, Graph, Easy Auth and Functions host.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tenant = _tenant_options()
    imds = _imds_option()

    demo = commands.add_parser("demo", parents=[tenant], help="run both function apps of this repository")
    demo.add_argument(
        "--once", action="store_true", help="send one request and exit, with code 0 only if the request succeeds"
    )
    demo.add_argument(
        "--api",
        default="aad-func",
        metavar="NAME",
        help="use this app registration for aad-func (default: %(default)s)",
    )
    demo.add_argument("--easy-auth", action="store_true", help="put App Service authentication in front of aad-func")
    demo.set_defaults(module="demo")

    run = commands.add_parser("run", parents=[tenant, imds], help="run a command with a local managed identity")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="run this command; write -- before the command")
    run.set_defaults(module="run")

    serve = commands.add_parser("serve", parents=[tenant, imds], help="run the tenant until Ctrl+C")
    _add_format(serve)
    serve.set_defaults(module="serve")

    env = commands.add_parser("env", parents=[imds], help="print the settings of the running tenant")
    env.add_argument(
        "--site",
        metavar="NAME",
        help="use this site's managed identities (default: the site that the tenant was started with)",
    )
    _add_format(env)
    control_arguments.add_url(env)
    env.set_defaults(module="env")

    host = commands.add_parser("host", help="run a Functions host for HTTP functions")
    host.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        help="serve the function app in this folder (default: the current folder)",
    )
    host.add_argument(
        "--port", type=port, default=7071, help="listen on this port (default: %(default)s; 0 selects a free port)"
    )
    host.add_argument("--name", default="", help="print this name at the start of each log line")
    host.add_argument("--no-local-settings", action="store_true", help="do not read local.settings.json")
    host.add_argument("--verbose", action="store_true", help="log everything, as func start --verbose does")
    host.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    host.set_defaults(module="host")

    proxy = commands.add_parser("easy-auth", help="put App Service authentication in front of an app")
    proxy.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help="forward requests to this app, which must run with WEBSITE_AUTH_ENABLED=True",
    )
    rules = proxy.add_mutually_exclusive_group(required=True)
    rules.add_argument("--api", metavar="NAME", help="require a token for this app registration, otherwise return 401")
    rules.add_argument(
        "--auth-settings", type=Path, metavar="FILE", help="apply the rules in this authsettingsV2 document (JSON)"
    )
    proxy.add_argument(
        "--port", type=port, default=8072, help="listen on this port (default: %(default)s; 0 selects a free port)"
    )
    _add_tenant_file(proxy)
    control_arguments.add_url(proxy)
    proxy.set_defaults(module="easy_auth")

    control_arguments.add_commands(commands)
    return parser.parse_args(arguments)


def _program() -> str:
    installed = Path(sys.argv[0]).stem == "local-azure"
    return "local-azure" if installed else "python -m local_azure"


def _tenant_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    _add_tenant_file(parser)
    parser.add_argument(
        "--port",
        type=port,
        default=HTTP_PORT,
        help="serve http on this port (default: %(default)s; with 0, all servers of the command use free ports)",
    )
    parser.add_argument(
        "--https-port",
        type=port,
        metavar="PORT",
        help=f"serve https on this port (default: {HTTPS_PORT}, or a free port with --port 0)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=STATE,
        metavar="FOLDER",
        help="store signing keys and certificates in this folder (default: %(default)s)",
    )
    parser.add_argument(
        "--site", metavar="NAME", help="use this site's managed identities (default: the tenant's first site)"
    )
    parser.add_argument(
        "--no-token-cache",
        action="store_true",
        help="do not cache managed identities' tokens, so that new roles take effect at once",
    )
    return parser


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=FORMATS, default="sh", help="print the settings in this format (default: %(default)s)"
    )


def _add_tenant_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tenant",
        type=Path,
        default=DEFAULT_TENANT_FILE,
        metavar="FILE",
        help="load this tenant file (default: tenant.json in the package)",
    )


def _imds_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--imds",
        action="store_true",
        help="emulate a virtual machine, with IMDS instead of App Service's identity endpoint",
    )
    return parser
