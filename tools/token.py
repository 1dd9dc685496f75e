"""Show the token that this machine would send to aad-func, and what aad-func would say of it.

In a console of the app in Azure that is its managed identity's; on a desk, the developer's own (az login).
"""

import argparse
import json
import os
import sys

from common.settings import DEFAULT_SCOPE_ERROR, is_default_scope
from msi_func.credentials import AppIdentity
from tools import claims, console, http, verdicts
from tools.console import ToolError

EXAMPLES = """examples:
  python -m tools.token                                 the token for aad-func, as this machine gets it
  python -m tools.token --scope api://<id>/.default     for another API
  python -m tools.token --identity <client id>          as a user-assigned identity
  curl -H "Authorization: Bearer $(python -m tools.token --raw)" https://<app>.azurewebsites.net/api/aad-func
  python -m tools.token - < token.txt                   a token from elsewhere

settings: AAD_FUNC_SCOPE, AAD_FUNC_IDENTITY_CLIENT_ID, ENTRA_TENANT_ID, ENTRA_AUTHORITY and the other AAD_FUNC_ ones of
the README, from the environment or from local.settings.json in this folder.

"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("token", __doc__, EXAMPLES)
    parser.add_argument(
        "source", nargs="?", choices=["-"], metavar="-", help="read a token from standard input instead"
    )
    parser.add_argument("--scope", help="<resource>/.default (default: AAD_FUNC_SCOPE)")
    parser.add_argument("--identity", metavar="CLIENT_ID", help="of a user-assigned managed identity")
    parser.add_argument("--raw", action="store_true", help="print only the token, for curl")
    parser.add_argument("--json", action="store_true", help="print claims and verdicts as JSON")
    options = parser.parse_args(arguments)
    return console.run(lambda: _show(options))


def _show(options: argparse.Namespace) -> int:
    scope = options.scope or os.environ.get("AAD_FUNC_SCOPE", "")
    identity = options.identity or os.environ.get("AAD_FUNC_IDENTITY_CLIENT_ID")
    if options.source:
        token, origin = sys.stdin.read().strip() if sys.stdin else "", "standard input"
    else:
        token, origin = _obtain(scope, identity)
    found = claims.read(token)
    if options.raw:
        print(token)
        return console.OK
    judged = verdicts.judge(token, found, verdicts.Expected.from_settings(scope))
    if options.json:
        print(json.dumps({"claims": found, "verdicts": [verdict.as_dict() for verdict in judged]}, indent=2))
    else:
        _print(found, judged, f"Token from {origin}" + (f" for {scope}" if scope and not options.source else ""))
    return console.FAILED if any(verdict.state == "failed" for verdict in judged) else console.OK


def _obtain(scope: str, identity: str | None) -> tuple[str, str]:
    if not scope:
        raise ToolError(
            "No scope: give --scope api://<client id of aad-func>/.default, or set AAD_FUNC_SCOPE.", console.USAGE
        )
    if not is_default_scope(scope):
        raise ToolError(f"The scope {DEFAULT_SCOPE_ERROR}.", console.USAGE)
    return http.token_for(identity, scope), AppIdentity().kind


def _print(found: dict[str, object], judged: list[verdicts.Verdict], heading: str) -> None:
    print(f"{heading}\n\n{console.table(claims.rows(found))}\n\nWhat aad-func would say:\n")
    for verdict in judged:
        print(f"  {console.coloured(verdict.state)}  {verdict.check:<10}  {console.plain(verdict.found)}")
        if verdict.fix:
            print(f"               {'':<10}  -> {verdict.fix}")


if __name__ == "__main__":
    sys.exit(main())
