"""`token` and `control`: commands to a tenant that is running."""

import argparse
import json
import os
import sys
from typing import Any

from local_azure.defaults import HTTP_PORT

CONTROL_EXAMPLES = """examples:
  python -m local_azure control rotate-keys
  python -m local_azure control forget-tokens                       as if a day had passed
  python -m local_azure control fault msi --status 503 --count 2    its next two requests get 503
  python -m local_azure control fault keys --delay 3                answers come 3 s late, until cleared
  python -m local_azure control fault metadata --reset              connections break off
  python -m local_azure control clear-faults
  python -m local_azure control counters
"""

TOKEN_EXAMPLES = """examples:
  python -m local_azure token --user developer@local.example --scope api://<client id>/.default
  python -m local_azure token --user admin@local.example --scope https://graph.microsoft.com/.default
"""


def add(commands: Any) -> None:
    """Add both to the parser's commands."""
    running = argparse.ArgumentParser(add_help=False)
    add_url(running)
    raw = argparse.RawDescriptionHelpFormatter

    token = commands.add_parser(
        "token", parents=[running], epilog=TOKEN_EXAMPLES, formatter_class=raw, help="a user's token, as after az login"
    )
    token.add_argument("--user", required=True, metavar="NAME", help="of the tenant file")
    token.add_argument("--scope", required=True, help="<App ID URI>/.default, or single scopes of one API")
    token.add_argument("--client-id", metavar="ID", help="the tool that the user signed in with (default: Azure CLI)")
    token.add_argument("--mfa", action="store_const", const=True, help="signed in with a second factor")
    token.set_defaults(run=_token)

    control = commands.add_parser(
        "control",
        parents=[running],
        epilog=CONTROL_EXAMPLES,
        formatter_class=raw,
        help="keys, kept tokens, faults and counters of a running tenant",
    )
    what = control.add_subparsers(required=True, metavar="WHAT", dest="what")
    behind = argparse.ArgumentParser(add_help=False)  # --url may stand behind WHAT as well
    behind.add_argument("--url", default=argparse.SUPPRESS, help=argparse.SUPPRESS)

    def add_one(name: str, text: str, run: Any) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = what.add_parser(name, parents=[behind], help=text)
        one.set_defaults(run=run)
        return one

    add_one("keys", "the published keys; the last one signs", _look)
    add_one("counters", "requests per endpoint", _look)
    add_one("faults", "the faults in force", _look)
    add_one("rotate-keys", "publish a new key and sign with it", _command)
    add_one("withdraw-key", "stop publishing a key", _command).add_argument("kid", help="as `keys` lists it")
    add_one("forget-tokens", "forget kept tokens, as if a day had passed", _command)
    _add_fault(add_one("fault", "spoil an endpoint's answers", _command))
    add_one("clear-faults", "no faults any more", _command)


def add_url(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the running tenant is."""
    parser.add_argument(
        "--url",
        default=os.environ.get("LOCAL_AZURE_URL") or f"http://127.0.0.1:{HTTP_PORT}",
        help=f"where the tenant runs (default: LOCAL_AZURE_URL, which run and serve set, else port {HTTP_PORT})",
    )


def _add_fault(fault: argparse.ArgumentParser) -> None:
    fault.add_argument("endpoint", help="msi, imds, metadata, keys, token or graph")
    fault.add_argument("--status", type=int, help="answer with this status")
    fault.add_argument("--delay", type=float, metavar="SECONDS", help="wait first")
    fault.add_argument("--garbage", action="store_const", const=True, help="answer with JSON that is cut off")
    fault.add_argument("--reset", action="store_const", const=True, help="break the connection off")
    fault.add_argument("--count", type=int, metavar="N", help="for so many requests (default: until cleared)")


def _token(options: argparse.Namespace) -> int:
    values = {"user": options.user, "scope": options.scope, "client_id": options.client_id, "mfa": options.mfa}
    answer = _ask("POST", options.url, "user-token", values)
    if answer is None:
        return 1
    if "access_token" not in answer:
        print(f"local_azure: what answers at {options.url} is no local_azure.", file=sys.stderr)
        return 1
    print(answer["access_token"])
    return 0


def _look(options: argparse.Namespace) -> int:
    return _show(_ask("GET", options.url, options.what))


def _command(options: argparse.Namespace) -> int:
    names = ("kid", "endpoint", "status", "delay", "garbage", "reset", "count")
    return _show(_ask("POST", options.url, options.what, {name: getattr(options, name, None) for name in names}))


def _show(answer: dict[str, Any] | None) -> int:
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 1 if answer is None else 0


def _ask(method: str, url: str, command: str, values: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The answer, None where the tenant refused, after saying why."""
    import requests

    from local_azure.tenant_client import SECONDS, absent, session

    given = {name: value for name, value in (values or {}).items() if value is not None}
    try:
        with session() as through:
            answer = through.request(
                method, f"{url.rstrip('/')}/local-azure/{command}", json=given or None, timeout=SECONDS
            )
        body: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError):
        raise absent(url) from None
    if answer.ok:
        return body
    print(f"local_azure: {body.get('message') or body.get('error_description')}", file=sys.stderr)
    return None
