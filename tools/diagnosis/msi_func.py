"""Findings about msi-func: no response, a response from another server, or an error of msi-func."""

import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

from common.problems import PROBLEM_TYPES
from common.remediations import VALIDATION_STEPS
from msi_func.http_client import FAILED_HANDSHAKE, UNTRUSTED_CERTIFICATE
from tools import commands
from tools.diagnosis import identity
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding, Severity
from tools.diagnosis.platform_page import platform_finding, throttled
from tools.diagnosis.settings import settings_finding
from tools.probe import ProbeResult

PATH = "/api/msi-func"
KEY = "MSI_FUNC_KEY"
_OF_AAD_FUNC = {code for _, codes in VALIDATION_STEPS for code in codes} - {"malformed_token"}


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the finding about msi-func itself, if there is one."""
    call = evidence.call
    if not call.status:
        yield unreachable("msi-func", call)
    elif call.is_accepted or call.code == "downstream_error" or call.code.startswith("downstream_"):
        return
    elif call.code == "misconfigured":
        yield settings_finding("msi-func", call.url, call.body)
    elif call.code in _OF_AAD_FUNC:
        url = evidence.aad_url or "<URL of msi-func>"
        yield Finding("The URL is aad-func's, not msi-func's.", commands.doctor(url, evidence.msi_url))
    elif call.code in PROBLEM_TYPES:
        yield identity.finding(evidence)
    else:
        yield _other(evidence)


def unreachable(app: str, probe: ProbeResult) -> Finding:
    """Return the finding for a request without a response."""
    parts, reason = urlsplit(probe.url), probe.reason
    host = parts.hostname or ""
    where = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    tls = (
        f"The TLS handshake with {app} at {where} failed, or its certificate is not trusted.",
        f"openssl s_client -connect {shlex.quote(where)} -servername {shlex.quote(host)} </dev/null",
    )
    steps = {
        "the connection was refused": (
            f"Nothing listens at {where}. Is {app} running?",
            commands.start(app, probe.url),
        ),
        "its host name cannot be resolved": (
            f"The host name {host} of {app} cannot be resolved.",
            "az functionapp list --query '[].defaultHostName' --output tsv",
        ),
        UNTRUSTED_CERTIFICATE: tls,
        FAILED_HANDSHAKE: tls,
        "the response is not valid HTTP": (
            f"The server at {where} does not speak {parts.scheme.upper()}.",
            f"Correct the scheme or the port of {parts.scheme}://{where} in the URL of {app}.",
        ),
        "the proxy rejected the connection": (
            f"The proxy of this machine does not connect to {where}.",
            f"export NO_PROXY={shlex.quote(host)}",
        ),
    }
    if reason.startswith("no "):  # the time limit for the connection or the response was exceeded
        cause = f"{app} at {where} did not respond within {probe.milliseconds / 1000:.0f} seconds."
        return Finding(cause, f"{commands.doctor(probe.url)} --timeout 120", Severity.UNREACHABLE)
    cause, step = steps.get(reason, (f"There is no usable response from {app}: {reason}.", ""))
    return Finding(cause, step or commands.read_log(app, probe.url), Severity.UNREACHABLE)


def _other(evidence: Evidence) -> Finding:
    """Return the finding for a response that does not come from msi-func's code."""
    call, url = evidence.call, evidence.msi_url
    path = urlsplit(url).path
    platform = platform_finding("msi-func", call)
    if platform:
        return platform
    if call.status == 401:
        return _key(evidence)
    if call.status == 429:
        return throttled("msi-func", url)
    if call.status == 403:
        cause = "Easy Auth or an access restriction of msi-func rejects this machine (403)."
        return Finding(cause, "In the portal, open msi-func > Settings, and check Authentication and then Networking.")
    if not path.lower().rstrip("/").endswith(PATH):
        right = urlsplit(url)._replace(path=PATH).geturl()
        return Finding(
            f"The path of the URL is {path or '/'}, but the path of msi-func is {PATH}.", commands.doctor(right)
        )
    if call.status == 404:
        cause = "The app has no function msi_func. Either the function is disabled, or the app failed to load."
        return Finding(cause, commands.remove_setting("msi-func", url, "AzureWebJobs.msi_func.Disabled"))
    if call.status >= 500:
        cause = f"msi-func failed with status {call.status} and without an error code."
        return Finding(cause, commands.read_log("msi-func", url))
    cause = f"The server at the URL is not msi-func (status {call.status})."
    return Finding(cause, f"Correct the URL, which must end with {PATH}.")


def _key(evidence: Evidence) -> Finding:
    if evidence.call.headers.get("WWW-Authenticate", "").startswith("Bearer"):
        cause = "Easy Auth in front of msi-func rejected the request."
        step = "In the portal, open msi-func > Settings > Authentication. Exclude /api/msi-func, or turn Easy Auth off."
        return Finding(cause, step)
    cause = f"The function key in {KEY} is not msi-func's." if evidence.has_key else "msi-func requires a function key."
    return Finding(cause, f"read -rs {KEY}; export {KEY}  # then run the doctor again")
