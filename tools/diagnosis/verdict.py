"""All findings, the verdict first."""

from tools.diagnosis import aad_func, clocks, msi_func, open_door
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding

_RULES = (open_door.findings, msi_func.findings, aad_func.findings, clocks.findings)


def diagnose(evidence: Evidence) -> list[Finding]:
    """Return the findings, the most severe first; of equal ones, that of the earlier part of the chain."""
    found = [finding for findings in _RULES for finding in findings(evidence)]
    return sorted(found, key=lambda finding: -finding.severity)
