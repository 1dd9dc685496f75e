"""The verdict, which is the most severe finding."""

from tools.diagnosis import aad_func, clocks, msi_func, open_door
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding

_RULES = (open_door.findings, msi_func.findings, aad_func.findings, clocks.findings)


def diagnose(evidence: Evidence) -> list[Finding]:
    """Return all findings, the most severe first. Findings of equal severity are in the order of `_RULES`."""
    found = [finding for findings in _RULES for finding in findings(evidence)]
    return sorted(found, key=lambda finding: -finding.severity)
