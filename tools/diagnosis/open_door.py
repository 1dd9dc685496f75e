"""aad-func accepts what it must reject. Nothing else matters then."""

from collections.abc import Iterator

from common.remediations import VALIDATION_STEPS
from tools import commands
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding, Severity
from tools.probe import ProbeResult, mapping, string

# Codes of a request whose credentials were read and trusted enough to be checked further.
_TRUSTED = {code for _, codes in VALIDATION_STEPS[2:] for code in codes} - {"signing_keys_unavailable"}
# The signature is checked before these.
_AFTER_SIGNATURE = {code for _, codes in VALIDATION_STEPS[5:] for code in codes}

# APIs of Microsoft, for which every application gets a token.
_MICROSOFT = (
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://vault.azure.net",
    "https://storage.azure.com",
)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for each way in."""
    if evidence.forged_principal and is_trusted_principal(evidence.forged_principal):
        yield _open(evidence, "it trusts a forged X-MS-CLIENT-PRINCIPAL, because no Easy Auth is in front of it")
    if evidence.forged_token and is_trusted_token(evidence.forged_token):
        yield _open(evidence, "it accepts a token with a forged signature")
    if _is_let_in(evidence):
        yield _open(evidence, "it accepts a request without any credentials")
    audience = string(mapping(evidence.call.body, "claims"), "aud") if evidence.call.is_accepted else ""
    if audience.rstrip("/") in _MICROSOFT:
        yield _open(evidence, f"it accepts a token for another audience, {audience}, which every application can get")
    elif audience and not _is_expected(audience, evidence):
        reason = f"it accepts a token for another audience, {audience}, than AAD_FUNC_CLIENT_ID on this machine"
        yield _open(evidence, reason)


def is_trusted_principal(probe: ProbeResult) -> bool:
    """Return whether aad-func read the forged principal: it accepts it, or rejects it for another reason."""
    return probe.is_accepted or probe.code in _TRUSTED


def is_trusted_token(probe: ProbeResult) -> bool:
    """Return whether the forged token passed the signature check."""
    return probe.is_accepted or probe.code in _AFTER_SIGNATURE


def _is_let_in(evidence: Evidence) -> bool:
    probes: tuple[ProbeResult | None, ...] = (evidence.direct, evidence.without_token)
    return any(probe is not None and probe.is_accepted for probe in probes)


def _is_expected(audience: str, evidence: Evidence) -> bool:
    """Return whether aad-func's settings name this audience; without them, every audience is."""
    client_id = evidence.settings.get("AAD_FUNC_CLIENT_ID", "").lower()
    tenant = string(mapping(evidence.call.body, "claims"), "tid")
    if not client_id or tenant != evidence.settings.get("ENTRA_TENANT_ID", "").lower():
        return True
    listed = evidence.settings.get("AAD_FUNC_AUDIENCES", f"{client_id},api://{client_id}")
    return audience.lower() in {part.strip().lower() for part in listed.split(",")}


def _open(evidence: Evidence, reason: str) -> Finding:
    cause = f"Take aad-func off the network: {reason}."
    return Finding(cause, commands.stop("aad-func", evidence.aad_url or "<URL of aad-func>"), Severity.OPEN_DOOR)
