"""Arguments of the commands `token` and `control`."""

import argparse
import os
from typing import Any

from local_azure.serving.defaults import HTTP_PORT

CONTROL_EXAMPLES = """examples:
  %(prog)s rotate-keys
  %(prog)s advance 24h                         let managed identities' cached tokens expire
  %(prog)s fault msi --status 503 --count 2    return 503 for the next two requests
  %(prog)s fault keys --delay 3                delay responses by 3 seconds until clear-faults
  %(prog)s fault metadata --reset              reset connections until clear-faults
  %(prog)s clear-faults
  %(prog)s counters
"""

TOKEN_EXAMPLES = """examples:
  %(prog)s --user developer@local.example --scope api://<client id>/.default
  %(prog)s --user admin@local.example --scope https://graph.microsoft.com/.default
"""


def add_commands(commands: Any) -> None:
    """Add the commands `token` and `control`."""
    _add_token(commands)
    _add_control(commands)


def add_url(parser: argparse.ArgumentParser) -> None:
    """Add the option `--url`, the address of the running tenant."""
    parser.add_argument(
        "--url",
        default=os.environ.get("LOCAL_AZURE_URL") or f"http://127.0.0.1:{HTTP_PORT}",
        help=f"address of the running tenant (default: LOCAL_AZURE_URL if set, otherwise port {HTTP_PORT})",
    )


def _add_token(commands: Any) -> None:
    token = commands.add_parser(
        "token",
        epilog=TOKEN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        help="print an access token for a user, like az account get-access-token",
    )
    add_url(token)
    token.add_argument("--user", required=True, metavar="NAME", help="sign in as this user of the tenant file")
    token.add_argument("--scope", required=True, help="request <App ID URI>/.default, or scopes of one API")
    token.add_argument("--client-id", metavar="ID", help="sign in through this client application (default: Azure CLI)")
    token.add_argument("--mfa", action="store_const", const=True, help="sign in with a second factor")
    token.set_defaults(module="token")


def _add_control(commands: Any) -> None:
    control = commands.add_parser(
        "control",
        epilog=CONTROL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        help="control a running tenant: keys, cached tokens, faults and counters",
    )
    add_url(control)
    control.set_defaults(module="control")
    found = control.add_subparsers(required=True, metavar="ACTION", dest="control")
    trailing = argparse.ArgumentParser(add_help=False)  # allows --url after the action, too
    trailing.add_argument("--url", default=argparse.SUPPRESS, help=argparse.SUPPRESS)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = found.add_parser(name, parents=[trailing], help=text)
        return parser

    add("keys", "list the published keys; the last key signs new tokens")
    add("counters", "print the number of requests per endpoint")
    add("faults", "list the current faults")
    add("rotate-keys", "publish a new key and sign with it")
    add("remove-key", "stop publishing a key").add_argument("kid", help="ID of a key from the output of `keys`")
    advance = add("advance", "move the clock forward, so that managed identities' cached tokens expire")
    advance.add_argument("duration", help="move forward by this duration, such as 90s, 30m, 24h or 1d")
    add("clear-token-cache", "clear the managed identity token cache")
    _add_fault(add("fault", "inject a fault into an endpoint's responses"))
    add("clear-faults", "remove all faults")


def _add_fault(fault: argparse.ArgumentParser) -> None:
    fault.add_argument("endpoint", help="endpoint to affect: msi, imds, metadata, keys, token or graph")
    fault.add_argument("--status", type=int, help="respond with this status")
    fault.add_argument("--delay", type=float, metavar="SECONDS", help="delay responses by this many seconds")
    fault.add_argument("--truncate", action="store_const", const=True, help="respond with truncated JSON")
    fault.add_argument("--reset", action="store_const", const=True, help="reset the connection")
    fault.add_argument(
        "--count", type=int, metavar="N", help="affect this many requests (default: all requests until clear-faults)"
    )
