"""Walk the chain from a URL of msi-func and say which link is broken: a line per check, then what to do first.

Safe against production: a handful of GETs, nothing is changed.
"""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from common.settings import HTTPS_OR_LOOPBACK_ERROR, is_https_or_loopback
from tools import chain, console, forgery, probe
from tools.chain import KEY
from tools.console import ToolError
from tools.probe import Seen
from tools.verdicts import Verdict

MOST_SKEW = 300  # seconds; what aad-func allows for

EXAMPLES = """examples:
  python -m tools.doctor http://127.0.0.1:7071/api/msi-func --aad http://127.0.0.1:7072/api/aad-func
  MSI_FUNC_KEY=... python -m tools.doctor https://<msi app>.azurewebsites.net/api/msi-func
      where msi-func wants a function key; without the variable it is asked for at a terminal

"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("doctor", __doc__, EXAMPLES)
    parser.add_argument("url", metavar="URL", help="of msi-func")
    parser.add_argument("--aad", metavar="URL", help="of aad-func, for the checks that ask it directly")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    options = parser.parse_args(arguments)
    return console.run(lambda: _examine(options))


def _examine(options: argparse.Namespace) -> int:
    for url in filter(None, (options.url, options.aad)):
        if not is_https_or_loopback(url):
            raise ToolError(f"The URL {HTTPS_OR_LOOPBACK_ERROR}.", console.USAGE)
        if "code" in {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}:
            raise ToolError(f"A function key does not belong on a command line: put it into {KEY}.", console.USAGE)
    headers = _key_header(options.url)
    seen = probe.get(options.url, headers)
    checks = [*chain.walk(seen), *_refusals(options.url, options.aad, headers, seen), _clock(seen)]
    failed = [check for check in checks if check.state == "failed"]
    if options.json:
        print(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        _print(checks, failed)
    return console.OK if all(check.state == "ok" for check in checks) else console.FAILED


def _key_header(url: str) -> dict[str, str]:
    """The function key, from the environment or, where msi-func asks for one, from a prompt."""
    key = os.environ.get(KEY, "")
    if not key and sys.stdin and sys.stdin.isatty() and probe.get(url).status == 401:
        key = getpass.getpass(f"{url} wants a function key: ")
    if key and not (key.isascii() and key.isprintable()):
        raise ToolError(f"The key in {KEY} has characters that no function key has.", console.USAGE)
    return {"x-functions-key": key} if key else {}


def _refusals(url: str, aad: str | None, headers: dict[str, str], seen: Seen) -> Iterator[Verdict]:
    """What must not get in: a call without a token, and one that brings a principal of its own making."""
    if not seen.status:
        yield Verdict("no token", "not checked", "msi-func is not reachable")
    else:
        without = probe.get(f"{url}{'&' if urlsplit(url).query else '?'}auth=0", headers)
        yield _refused(
            "no token", without, without.downstream.get("status"), "aad-func, without a token through msi-func,"
        )
    if not aad:
        yield Verdict("direct", "not checked", "needs --aad")
        yield Verdict("forged", "not checked", "needs --aad")
        return
    direct = probe.get(aad)
    yield _refused("direct", direct, direct.status, "aad-func, directly and without a token,")
    principal = forgery.principal(seen.body.get("claims"))
    if principal is None:
        yield Verdict("forged", "not checked", "neither msi-func's answer nor a setting here tells tenant and audience")
        return
    forged = probe.get(aad, {"X-MS-CLIENT-PRINCIPAL": principal, "X-MS-CLIENT-PRINCIPAL-IDP": "aad"})
    yield _refused("forged", forged, forged.status, "aad-func, with a forged X-MS-CLIENT-PRINCIPAL,")


def _refused(check: str, seen: Seen, status: object, who: str) -> Verdict:
    if status == 401:
        return Verdict(check, "ok", f"{who} answered 401")
    let_in = status == 200 and "caller" in seen.body
    # Who is told 403 was believed to be somebody.
    if let_in or (check == "forged" and status == 403):
        fix = "Take aad-func off the network: it believes anybody. Is WEBSITE_AUTH_ENABLED set as an app setting?"
        return Verdict(check, "failed", f"{who} was believed ({status})", fix)
    return Verdict(check, "not checked", f"{who} answered {status or 'nothing'} instead of 401: is that aad-func?")


def _clock(seen: Seen) -> Verdict:
    skew = seen.skew
    if skew is None:
        return Verdict("clock", "not checked", "no Date in msi-func's answer")
    if abs(skew) > MOST_SKEW:
        return Verdict(
            "clock", "failed", f"msi-func is {skew:+.0f} s from this machine", "Correct the clock that is wrong."
        )
    return Verdict("clock", "ok", f"{abs(skew):.0f} s between msi-func and this machine")


def _print(checks: list[Verdict], failed: list[Verdict]) -> None:
    for check in checks:
        print(f"{console.coloured(check.state)}  {check.check:<10}  {console.plain(check.found)}")
    unchecked = [check.check for check in checks if check.state == "not checked"]
    if failed:
        print(f"\nDo first: {failed[0].fix}")
    elif unchecked:
        print(f"\nNothing is wrong as far as could be checked; not checked: {', '.join(unchecked)}.")
    else:
        print("\nAll is well.")


if __name__ == "__main__":
    sys.exit(main())
