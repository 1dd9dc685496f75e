"""Find the fault in a call from msi-func to aad-func, and print a verdict with the next step.

The doctor is safe to use in production. It sends a few GET requests, which change nothing. Some requests contain forged
credentials, which aad-func must reject.
"""

import argparse
import getpass
import os
import sys
from urllib.parse import parse_qsl, urlsplit

from common.settings import HTTPS_OR_LOOPBACK_ERROR, is_https_or_loopback
from tools import console, http
from tools.collection import Target, collect
from tools.console import CheckResult, ToolError
from tools.diagnosis import clocks
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding
from tools.diagnosis.msi_func import KEY
from tools.diagnosis.open_door import is_trusted_principal, is_trusted_token
from tools.diagnosis.verdict import diagnose
from tools.probe import ProbeResult, probe, strings

TOKEN = "MSI_FUNC_TOKEN"
TIMEOUT = 30
_WIDTH = 16

EXAMPLES = """examples:
  python -m tools.doctor http://127.0.0.1:7071/api/msi-func --aad http://127.0.0.1:7072/api/aad-func
  read -rs MSI_FUNC_KEY; export MSI_FUNC_KEY      (only if msi-func requires a function key)
  python -m tools.doctor https://<msi app>.azurewebsites.net/api/msi-func

MSI_FUNC_KEY is the function key. At a terminal, the doctor prompts for a missing key. MSI_FUNC_TOKEN is a user's token
for a URL with ?as=user. Key and token are sent only to msi-func. The verdict is more precise if the settings of both
apps are set on this machine, too.

"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("doctor", __doc__, EXAMPLES)
    parser.add_argument("url", metavar="URL", help="URL of msi-func")
    parser.add_argument("--aad", metavar="URL", default="", help="URL of aad-func, for direct requests")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=TIMEOUT, help="time limit for all requests (default: 30)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--strict", action="store_true", help="exit with code 4 if checks were skipped")
    options = parser.parse_args(arguments)
    return console.run(lambda: _examine(options))


def _examine(options: argparse.Namespace) -> int:
    for url in filter(None, (options.url, options.aad)):
        if not is_https_or_loopback(url):
            raise ToolError(f"The URL {HTTPS_OR_LOOPBACK_ERROR}.", console.USAGE)
        if "code" in {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}:
            raise ToolError(f"The URL must not contain a function key. Set {KEY} instead.", console.USAGE)
    if not 1 <= options.timeout <= 600:
        raise ToolError("--timeout must be a number of seconds from 1 to 600.", console.USAGE)
    target = Target(options.url, options.aad, _headers(options.url, options.timeout), options.timeout)

    reported = set()

    def report(name: str, result: ProbeResult) -> None:
        reported.add(name)
        if not options.json:
            console.write_check(_check(name, result), _WIDTH)

    def progress(line: str) -> None:
        console.write(line, file=sys.stderr)

    evidence = http.run(collect(target, report, progress))
    checks, findings = _checks(evidence), diagnose(evidence)
    if options.json:
        found = [finding.as_dict() for finding in findings]
        verdict = found[0] if found else None
        console.write_json({"verdict": verdict, "findings": found, "checks": [check.as_dict() for check in checks]})
    else:
        for check in checks:
            if check.name not in reported:
                console.write_check(check, _WIDTH)
        _print(evidence, checks, findings)
    if findings:
        return findings[0].exit_code
    return console.exit_code((check for check in checks if check.state == "skipped"), strict=options.strict)


def _headers(url: str, seconds: float) -> dict[str, str]:
    """Return the credentials for msi-func from the environment. Prompt for a required key that is missing."""
    key, token = os.environ.get(KEY, ""), os.environ.get(TOKEN, "")
    if not key and sys.stdin and sys.stdin.isatty() and http.run(probe(url, seconds)).status == 401:
        key = getpass.getpass(f"{url} requires a function key: ")
    for name, value in ((KEY, key), (TOKEN, token)):
        if value and not (value.isascii() and value.isprintable()):
            raise ToolError(f"{name} contains characters that are invalid in a header.", console.USAGE)
    headers = {"x-functions-key": key} if key else {}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


def _check(name: str, result: ProbeResult) -> CheckResult:
    """Compare the response to a probe with that of healthy apps."""
    if name == "msi-func":
        return CheckResult(name, "ok" if result.is_accepted else "failed", result.summary, result.code)
    status = result.downstream_status if name == "without a token" else result.status
    is_open = {"forged principal": is_trusted_principal, "forged token": is_trusted_token}.get(name)
    if result.is_accepted or (is_open and is_open(result)):
        return CheckResult(name, "failed", f"{result.summary}, but aad-func must reject this request", result.code)
    if status == 401:
        return CheckResult(name, "ok", result.summary, result.code)
    return CheckResult(name, "skipped", f"{result.summary}, but 401 was expected", result.code)


def _checks(evidence: Evidence) -> list[CheckResult]:
    probes = {
        "msi-func": evidence.call,
        "aad-func": evidence.direct,
        "without a token": evidence.without_token,
        "forged principal": evidence.forged_principal,
        "forged token": evidence.forged_token,
    }
    return [
        *(_check(name, result) if result else _skipped(name, evidence) for name, result in probes.items()),
        _clock(evidence),
    ]


def _skipped(name: str, evidence: Evidence) -> CheckResult:
    if name == "without a token":
        return CheckResult(name, "skipped", "msi-func did not call aad-func")
    return CheckResult(
        name, "skipped", "aad-func did not respond to this machine" if evidence.aad_url else "needs --aad"
    )


def _clock(evidence: Evidence) -> CheckResult:
    skews = clocks.skews(evidence)
    if not skews:
        return CheckResult("clocks", "skipped", "no app returned a Date header")
    is_wrong = any(clocks.findings(evidence))
    detail = ", ".join(f"{app} {skew:+.0f} s" for app, skew in skews.items())
    return CheckResult("clocks", "failed" if is_wrong else "ok", f"difference from this machine's clock: {detail}")


def _print(evidence: Evidence, checks: list[CheckResult], findings: list[Finding]) -> None:
    console.write("")
    if findings:
        console.write(f"Verdict: {findings[0].cause}")
        console.write(f"Do:      {findings[0].step}")
        for finding in findings[1:]:
            console.write(f"Also:    {finding.cause}")
        return
    roles = ", ".join(strings(evidence.call.body, "roles")) or "none"
    console.write(f"Verdict: Healthy. aad-func accepts msi-func, with the roles {roles}.")
    skipped = ", ".join(check.name for check in checks if check.state == "skipped")
    if skipped:
        console.write(f"Skipped: {skipped}.")


if __name__ == "__main__":
    sys.exit(main())
