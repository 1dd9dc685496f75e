"""Findings for an aad-func that accepts invalid credentials. Such a finding is always the verdict."""

from collections.abc import Iterator

from common.remediations import VALIDATION_STEPS
from tools import commands
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding, Severity
from tools.probe import ProbeResult, mapping, string

# Error codes of checks that aad-func reaches only if it accepts the format of the credentials.
_TRUSTED = {code for _, codes in VALIDATION_STEPS[2:] for code in codes} - {"signing_keys_unavailable"}
# Error codes of checks that aad-func reaches only if it accepts the signature.
_AFTER_SIGNATURE = {code for _, codes in VALIDATION_STEPS[5:] for code in codes}

# Microsoft's APIs, for which every application can get a token.
_MICROSOFT = (
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://vault.azure.net",
    "https://storage.azure.com",
)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for each way to call aad-func without valid credentials."""
    if evidence.forged_principal and is_trusted_principal(evidence.forged_principal):
        reason = "aad-func trusts a forged X-MS-CLIENT-PRINCIPAL, because requests do not pass through Easy Auth"
        yield _open(evidence, reason)
    if evidence.forged_token and is_trusted_token(evidence.forged_token):
        yield _open(evidence, "aad-func accepts a token with a forged signature")
    if _is_let_in(evidence):
        yield _open(evidence, "aad-func accepts a request without credentials")
    audience = string(mapping(evidence.call.body, "claims"), "aud") if evidence.call.is_accepted else ""
    if audience.rstrip("/") in _MICROSOFT:
        reason = f"aad-func accepts a token that any application can get, with the audience {audience}"
        yield _open(evidence, reason)
    elif audience and not _is_expected(audience, evidence):
        reason = (
            f"aad-func accepts a token for another audience, {audience}, which this machine's settings do not allow"
        )
        yield _open(evidence, reason)


def is_trusted_principal(probe: ProbeResult) -> bool:
    """Return whether aad-func trusted the forged principal, even if aad-func then rejected the claims."""
    return probe.is_accepted or probe.code in _TRUSTED


def is_trusted_token(probe: ProbeResult) -> bool:
    """Return whether the forged token passed the signature check."""
    return probe.is_accepted or probe.code in _AFTER_SIGNATURE


def _is_let_in(evidence: Evidence) -> bool:
    probes: tuple[ProbeResult | None, ...] = (evidence.direct, evidence.without_token)
    return any(probe is not None and probe.is_accepted for probe in probes)


def _is_expected(audience: str, evidence: Evidence) -> bool:
    """Return whether aad-func's settings contain this audience. If they are unknown, return True."""
    client_id = evidence.settings.get("AAD_FUNC_CLIENT_ID", "").lower()
    tenant = string(mapping(evidence.call.body, "claims"), "tid")
    if not client_id or tenant != evidence.settings.get("ENTRA_TENANT_ID", "").lower():
        return True
    listed = evidence.settings.get("AAD_FUNC_AUDIENCES", f"{client_id},api://{client_id}")
    return audience.lower() in {part.strip().lower() for part in listed.split(",")}


def _open(evidence: Evidence, reason: str) -> Finding:
    cause = f"Take aad-func off the network: {reason}."
    return Finding(cause, commands.stop("aad-func", evidence.aad_url or "<URL of aad-func>"), Severity.OPEN_DOOR)
