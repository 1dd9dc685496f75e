"""Findings about aad-func: no response to msi-func, or an error from aad-func or from App Service."""

from collections.abc import Iterator

from msi_func.http_client import UNTRUSTED_CERTIFICATE
from tools import commands
from tools.diagnosis import clocks, msi_func
from tools.diagnosis.aad_url import PATH, ask_directly, has_path, with_path, wrong_url
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding, Severity
from tools.diagnosis.platform_page import RETURN_401, is_sign_in_redirect, platform_finding, throttled
from tools.diagnosis.rejection import rejection


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the finding about aad-func, if there is one."""
    call = evidence.call
    if call.is_accepted:
        yield from _direct(evidence)
    elif call.code == "downstream_unreachable":
        yield _unreachable(evidence)
    elif call.code == "downstream_timeout":
        yield _timeout(evidence)
    elif call.code == "downstream_invalid_response":
        yield wrong_url(evidence, f"AAD_FUNC_URL does not lead to aad-func. {call.detail}")
    elif call.code == "downstream_error":
        yield from _error(evidence)


def _direct(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if this machine's URL of aad-func is wrong, although msi-func's call to aad-func works."""
    direct = evidence.direct
    if direct and direct.status not in (0, 401, 403) and not direct.is_accepted:
        cause = f"The URL in --aad or AAD_FUNC_URL is wrong. The response is {direct.status} instead of 401."
        step = commands.doctor(evidence.msi_url, with_path(evidence.aad_url))
        yield Finding(cause, step, Severity.INCONCLUSIVE)


def _error(evidence: Evidence) -> Iterator[Finding]:
    is_lifetime = evidence.call.downstream_code in ("token_expired", "token_not_yet_valid")
    if not (is_lifetime and any(clocks.findings(evidence))):  # otherwise, the clock is the cause
        yield rejection(evidence) or _by_status(evidence)


def _by_status(evidence: Evidence) -> Finding:
    """Return the finding for an error response that does not come from aad-func's code."""
    status, direct = evidence.call.downstream_status, evidence.direct
    if direct and direct.status == status and not direct.code:
        # This machine gets the same response, so App Service's error page shows the cause.
        platform = platform_finding("aad-func", direct)
        if platform:
            return platform
    if status == 404:
        return _not_found(evidence)
    if status in (301, 302, 303, 307, 308):
        return _redirect(evidence)
    if status == 401:
        return _unauthorized(evidence)
    if status == 403:
        return _forbidden(evidence)
    if status == 429:
        return throttled("aad-func", evidence.msi_url)
    if status >= 500:
        cause = f"aad-func failed with status {status} and without an error code."
        step = commands.restart if status == 503 else commands.read_log
        return Finding(cause, step("aad-func", evidence.aad_url))
    return wrong_url(evidence, f"AAD_FUNC_URL does not lead to aad-func. The response has the status {status}.")


def _not_found(evidence: Evidence) -> Finding:
    if evidence.is_aad_reached:
        return wrong_url(evidence, "AAD_FUNC_URL is wrong. The response is 404, although aad-func is running.")
    if evidence.direct and evidence.direct.status == 404 and has_path(evidence.aad_url):
        cause = "The function aad_func is disabled, or the app failed to load. The response is 404."
        return Finding(cause, commands.remove_setting("aad-func", evidence.aad_url, "AzureWebJobs.aad_func.Disabled"))
    if evidence.aad_url and not has_path(evidence.aad_url):
        return wrong_url(evidence, f"AAD_FUNC_URL does not end with {PATH}. The response is 404.")
    return ask_directly(evidence, "AAD_FUNC_URL is wrong, or aad_func is disabled. The response is 404.")


def _redirect(evidence: Evidence) -> Finding:
    if evidence.is_aad_reached:
        return wrong_url(
            evidence, "AAD_FUNC_URL is wrong. The response is a redirect, although aad-func does not redirect."
        )
    status = evidence.call.downstream_status
    if evidence.direct is None or is_sign_in_redirect(evidence.direct):
        cause = f"Easy Auth of aad-func redirects to a sign-in page ({status}) instead of returning 401."
        return Finding(cause, RETURN_401.format(app="aad-func"))
    return wrong_url(evidence, f"AAD_FUNC_URL redirects ({status}) to another URL.")


def _unauthorized(evidence: Evidence) -> Finding:
    direct, easy_auth = evidence.direct, "Easy Auth in front of aad-func rejected the token (401)."
    if evidence.reaches_aad_code or (direct and direct.status == 401 and not direct.code):
        api = commands.guid_in(evidence.settings.get("AAD_FUNC_CLIENT_ID", "")) or "<client ID of aad-func>"
        step = (
            "In the portal, open aad-func > Settings > Authentication > Microsoft > Edit. Set Allowed token audiences "
            f"to {api} and api://{api}, and Issuer URL to https://login.microsoftonline.com/<tenant ID>/v2.0"
        )
        return Finding(easy_auth, step)
    if direct and direct.code:
        return wrong_url(evidence, "AAD_FUNC_URL leads to another app, such as msi-func itself. The response is 401.")
    return ask_directly(evidence, "Easy Auth rejected the token, or AAD_FUNC_URL does not lead to aad-func (401).")


def _forbidden(evidence: Evidence) -> Finding:
    without = evidence.without_token.downstream_status if evidence.without_token else 0
    if without == 403 and evidence.is_aad_reached:
        cause = "An access restriction of aad-func blocks msi-func's outbound addresses, but not this machine."
        return Finding(
            cause, "In the portal, open aad-func > Settings > Networking > Public network access, and allow msi-func."
        )
    if without == 401:
        cause = "Easy Auth of aad-func does not allow msi-func's identity (403 with a token, 401 without a token)."
        step = (
            "In the portal, open aad-func > Settings > Authentication > Microsoft > Edit. Add the client ID of the "
            "identity to the allowed client applications, or the object ID to the allowed identities."
        )
        return Finding(cause, step)
    return ask_directly(evidence, "aad-func is stopped, or its access restrictions or Easy Auth block msi-func (403).")


def _unreachable(evidence: Evidence) -> Finding:
    reason = evidence.call.detail.rpartition(": ")[2].rstrip(".")
    if evidence.direct and not evidence.direct.status:
        found = msi_func.unreachable("aad-func", evidence.direct)
        return Finding(f"msi-func cannot reach aad-func, nor can this machine. {found.cause}", found.step)
    if evidence.is_aad_reached and reason == UNTRUSTED_CERTIFICATE:
        cause = "aad-func responds to this machine, but msi-func does not trust aad-func's TLS certificate."
        return Finding(cause, commands.set_setting("msi-func", evidence.msi_url, "SSL_CERT_FILE", ""))
    if evidence.is_aad_reached and not reason.startswith("no connection"):
        return wrong_url(
            evidence, f"AAD_FUNC_URL is wrong. aad-func is running, but msi-func's request failed: {reason}."
        )
    if evidence.is_aad_reached:
        cause = "aad-func responds to this machine, but the network blocks msi-func's connections."
        return Finding(
            cause,
            "In the portal, open msi-func > Settings > Networking > Outbound, and check the VNet and the firewall.",
        )
    return ask_directly(evidence, f"msi-func cannot reach aad-func: {reason}.")


def _timeout(evidence: Evidence) -> Finding:
    direct, without = evidence.direct, evidence.without_token
    if direct and not direct.status:
        found = msi_func.unreachable("aad-func", direct)
        return Finding(f"aad-func does not respond to msi-func in time. {found.cause}", found.step)
    if direct and direct.status == 401 and without and without.code == "downstream_timeout":
        cause = "AAD_FUNC_URL leads to another app, such as msi-func itself."
        return wrong_url(evidence, f"{cause} aad-func responds to this machine in {direct.milliseconds} ms.")
    cause = "aad-func does not respond within msi-func's AAD_FUNC_TIMEOUT_SECONDS."
    return Finding(cause, commands.set_setting("msi-func", evidence.msi_url, "AAD_FUNC_TIMEOUT_SECONDS", "30"))
