"""Findings for wrong clocks of the apps or of this machine."""

from collections.abc import Iterator

from aad_func.access_token import LEEWAY
from common.problems import PROBLEM_TYPES
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding
from tools.probe import ProbeResult

_STEP = "Correct the clock of {}. On Linux, run timedatectl set-ntp true, and on Windows, run w32tm /resync."


def skews(evidence: Evidence) -> dict[str, float]:
    """Return the seconds by which each app's clock is ahead of this machine's."""
    probes = {"msi-func": evidence.call, "aad-func": evidence.direct}
    return {app: probe.skew for app, probe in probes.items() if probe and _is_app(probe) and probe.skew is not None}


def _is_app(probe: ProbeResult) -> bool:
    """Return whether the response comes from one of the apps, because the clocks of other servers do not matter."""
    return probe.is_accepted or probe.status == 401 or probe.code in PROBLEM_TYPES


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for each wrong clock. If both apps have about the same skew, this machine's clock is wrong."""
    found = skews(evidence)
    wrong = {app: skew for app, skew in found.items() if abs(skew) > LEEWAY}
    if len(wrong) == 2 and abs(wrong["msi-func"] - wrong["aad-func"]) <= LEEWAY:
        wrong = {"this machine": -wrong["msi-func"]}
    for name, skew in wrong.items():
        owner = "This machine" if name == "this machine" else name
        cause = f"{owner}'s clock is {_length(abs(skew))} {'ahead' if skew > 0 else 'behind'}."
        yield Finding(cause, _STEP.format(name if name == "this machine" else f"the machine that hosts {name}"))


def _length(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if round(seconds / size) >= 2:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
