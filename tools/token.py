"""Show the claims of the token that this machine would send to aad-func, and the results of aad-func's checks.

In Azure, the token belongs to the managed identity of the app. On a developer's machine, the token belongs to the
developer, who must sign in with az login.
"""

import argparse
import os
import re
import sys

from common.problems import Problem
from common.remediations import remediation
from common.settings import DEFAULT_SCOPE_ERROR, Settings, is_default_scope
from msi_func.app_registration import AppRegistration
from msi_func.credentials import AppIdentity, has_managed_identity
from tools import claims, console, http
from tools.commands import guid_in
from tools.console import ToolError
from tools.diagnosis.finding import Finding
from tools.fresh_token import request_fresh_token, respell
from tools.role_advice import role_finding
from tools.token_check import TokenReport, check_token

EXAMPLES = """examples:
  python -m tools.token                                 show the token for aad-func
  python -m tools.token --fresh                         request a new token instead of a cached token
  python -m tools.token --scope api://<id>/.default     show a token for another API
  python -m tools.token --identity <client ID>          show the token of a user-assigned identity
  python -m tools.token - < token.txt                   show the token in a file, with or without "Bearer"
  python -m tools.token --raw | sed 's/^/Authorization: Bearer /' |
    curl -H @- https://<app>.azurewebsites.net/api/aad-func

The tool reads the settings of both functions (docs/settings.md) from the environment or from local.settings.json in
this folder. Checks are skipped if the settings that they need are missing.

"""

_SECRET = re.compile(r"eyJ[\w.-]*|[\w-]{40,}")  # a token or part of a token


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("token", __doc__, EXAMPLES)
    parser.add_argument("source", nargs="?", choices=["-"], metavar="-", help="read a token from standard input")
    parser.add_argument("--scope", help="scope <resource>/.default to request (default: AAD_FUNC_SCOPE)")
    parser.add_argument(
        "--identity", metavar="CLIENT_ID", help="client ID of the user-assigned managed identity to use"
    )
    parser.add_argument("--fresh", action="store_true", help="request a token that the platform has not cached")
    parser.add_argument("--raw", action="store_true", help="print only the token")
    parser.add_argument("--json", action="store_true", help="print claims and checks as JSON")
    parser.add_argument("--strict", action="store_true", help="exit with code 4 if checks were skipped")
    options = parser.parse_args(arguments)
    return console.run(lambda: _show(options))


def _show(options: argparse.Namespace) -> int:
    scope = options.scope or os.environ.get("AAD_FUNC_SCOPE", "")
    identity = _identity(options.identity)
    if options.source:
        token = claims.extract_token(sys.stdin.read() if sys.stdin else "")
        heading = "Token from standard input"
    else:
        _check_scope(scope)
        # An AppIdentity's tokens are also cached outside this process, unlike an app registration's tokens.
        requested = respell(scope) if options.fresh and isinstance(identity, AppIdentity) else scope
        token = _request(identity, requested)
        heading = f"{'New token' if options.fresh else 'Token'} from the {identity.kind} for {requested}"
    found = claims.read_claims(token)
    if options.raw:
        console.write(token)
        return console.OK
    # The audience of a version 1 token has the capitalization of the requested resource.
    audience = str(found.get("aud", "")) if options.fresh and found.get("ver") == "1.0" else ""
    report = http.run(check_token(token, found, scope, audience=audience))
    finding = _finding(report, scope, identity, may_request=not (options.source or options.fresh))
    if options.json:
        checks = [check.as_dict() for check in report.checks]
        console.write_json({"claims": found, "checks": checks, "verdict": finding and finding.as_dict()})
    else:
        _print(found, report, finding, heading)
    return console.exit_code(report.checks, strict=options.strict)


def _identity(client_id: str | None) -> AppIdentity | AppRegistration:
    """Return the identity with this client ID, or by default the identity with which msi-func calls aad-func."""
    with Settings() as settings:
        credential = settings.choice("AAD_FUNC_CREDENTIAL", ("managed_identity", "application"))
    if client_id is None and credential == "application":
        return AppRegistration.from_settings()
    return AppIdentity(client_id or os.environ.get("AAD_FUNC_IDENTITY_CLIENT_ID"))


def _check_scope(scope: str) -> None:
    if not scope:
        message = "There is no scope. Add --scope <client ID of aad-func>/.default, or set AAD_FUNC_SCOPE."
        raise ToolError(message, console.USAGE)
    if not is_default_scope(scope):
        raise ToolError(f"The scope {DEFAULT_SCOPE_ERROR}.", console.USAGE)


def _request(identity: AppIdentity | AppRegistration, scope: str) -> str:
    try:
        return http.run(http.token_for(identity, scope))
    except Problem as problem:
        if problem.code != "token_unavailable":
            raise
        attempts = [] if has_managed_identity() else _attempts(problem.__context__)
        raise ToolError(f"{problem.detail} Requested scope: {scope}", lines=attempts) from None


def _attempts(error: BaseException | None) -> list[str]:
    """Return azure-identity's error for each attempted credential, with anything that looks like a token redacted."""
    _, _, attempts = str(error or "").partition("Attempted credentials:")
    lines = (_SECRET.sub("<redacted>", line).strip() for line in attempts.splitlines())
    return [f"  {line}" for line in lines if line and not line.startswith("To mitigate this issue")]


def _finding(
    report: TokenReport, scope: str, identity: AppIdentity | AppRegistration, *, may_request: bool
) -> Finding | None:
    problem = report.problem
    if problem is None:
        return None
    if problem.code == "missing_role" and report.is_verified:
        is_cached = isinstance(identity, AppIdentity) and has_managed_identity()
        fresh = http.run(request_fresh_token(identity, scope)) if may_request and is_cached else None
        return role_finding(problem.members, fresh, api=os.environ.get("AAD_FUNC_CLIENT_ID") or guid_in(scope))
    return Finding(problem.detail, remediation(problem.code, problem.members))


def _print(found: dict[str, object], report: TokenReport, finding: Finding | None, heading: str) -> None:
    console.write(heading)
    console.write("")
    console.write_table(claims.rows(found))
    console.write("")
    console.write("aad-func's checks:")
    console.write("")
    width = max(len(check.name) for check in report.checks)
    for check in report.checks:
        console.write_check(check, width)
    console.write("")
    if finding:
        console.write(f"Verdict: {finding.cause}")
        console.write(f"Do:      {finding.step}")
    else:
        console.write("Verdict: aad-func would accept this token unless a skipped check fails.")


if __name__ == "__main__":
    sys.exit(main())
