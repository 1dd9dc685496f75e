"""Findings for requests that aad-func's code rejected, by error code."""

import shlex
from collections.abc import Callable

from common.problems import PROBLEM_TYPES
from common.remediations import REMEDIATIONS
from tools import commands
from tools.diagnosis.aad_url import wrong_url
from tools.diagnosis.audience import audience_finding
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding
from tools.diagnosis.settings import settings_finding
from tools.probe import mapping, string
from tools.role_advice import role_finding


def rejection(evidence: Evidence) -> Finding | None:
    """Return the finding for the code in aad-func's response, or None if there is no known code."""
    code, detail = evidence.call.downstream_code, string(evidence.call.downstream, "detail")
    if code in _BY_CODE:
        return _BY_CODE[code](evidence)
    if code in _OF_MSI_FUNC:
        return wrong_url(evidence, f"AAD_FUNC_URL does not lead to aad-func. The response has the error code {code}.")
    if code in PROBLEM_TYPES:
        return Finding(f"aad-func rejected the token: {detail}", REMEDIATIONS[code])
    return None


def _keys_unavailable(evidence: Evidence) -> Finding:
    detail = string(evidence.call.downstream, "detail")
    tenant = evidence.settings.get("ENTRA_TENANT_ID", "")
    if "ENTRA_TENANT_ID" in detail:
        cause = "ENTRA_TENANT_ID of aad-func is not a tenant of ENTRA_AUTHORITY."
        return Finding(cause, commands.set_setting("aad-func", evidence.aad_url, "ENTRA_TENANT_ID", ""))
    authority = evidence.settings.get("ENTRA_AUTHORITY", "https://login.microsoftonline.com").rstrip("/")
    url = f"{authority}/{tenant or '<tenant ID>'}/v2.0/.well-known/openid-configuration"
    return Finding(
        "aad-func cannot fetch the tenant's signing keys.", f"curl -sSi {shlex.quote(url)}  # from aad-func's network"
    )


def _missing_principal(evidence: Evidence) -> Finding:
    cause = "AAD_FUNC_AUTHENTICATION is easy_auth, but the request has no valid principal from Easy Auth."
    return Finding(cause, commands.remove_setting("aad-func", evidence.aad_url, "AAD_FUNC_AUTHENTICATION"))


def _missing_token(evidence: Evidence) -> Finding:
    if evidence.reaches_aad_code:
        cause = "A proxy between msi-func and aad-func removes the Authorization header."
        return Finding(cause, commands.set_setting("msi-func", evidence.msi_url, "AAD_FUNC_URL", evidence.aad_url))
    return wrong_url(evidence, "AAD_FUNC_URL does not lead to aad-func.")


def _caller_not_allowed(evidence: Evidence) -> Finding:
    client_id = string(mapping(evidence.call.downstream, "caller"), "client_id")
    detail = string(evidence.call.downstream, "detail")
    listed = evidence.settings.get("AAD_FUNC_ALLOWED_CALLERS", "")
    if client_id.lower() in listed.lower() and client_id:
        cause = f"{client_id} is an allowed caller, but requested the token as a public client, without authentication."
        return Finding(cause, "Request the token with a managed identity, a certificate or a secret.")
    if "Only" in detail:
        return Finding(f"aad-func rejected the caller: {detail}", REMEDIATIONS["caller_not_allowed"])
    known = commands.guid_in(client_id) or "<client ID>"
    value = f"{listed},{known}" if listed else known
    step = commands.set_setting("aad-func", evidence.aad_url, "AAD_FUNC_ALLOWED_CALLERS", value)
    note = "" if listed else "  # append the ID if the setting already has a value"
    return Finding(f"The client {known} is not in AAD_FUNC_ALLOWED_CALLERS of aad-func.", step + note)


def _missing_role(evidence: Evidence) -> Finding:
    settings, problem = evidence.settings, evidence.call.downstream
    api = settings.get("AAD_FUNC_CLIENT_ID") or settings.get("AAD_FUNC_SCOPE", "")
    return role_finding(problem, evidence.fresh, api=api, msi_url=evidence.msi_url, aad_url=evidence.aad_url)


def _misconfigured(evidence: Evidence) -> Finding:
    return settings_finding("aad-func", evidence.aad_url, evidence.call.downstream)


_BY_CODE: dict[str, Callable[[Evidence], Finding]] = {
    "misconfigured": _misconfigured,
    "signing_keys_unavailable": _keys_unavailable,
    "missing_principal": _missing_principal,
    "missing_token": _missing_token,
    "wrong_audience": audience_finding,
    "missing_role": _missing_role,
    "caller_not_allowed": _caller_not_allowed,
}
_OF_MSI_FUNC = {code for code in PROBLEM_TYPES if code.startswith(("downstream_", "user_", "token_unavail", "bad_req"))}
