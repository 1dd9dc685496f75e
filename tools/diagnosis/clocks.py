"""Clocks: of both apps, compared with this machine's."""

from collections.abc import Iterator

from aad_func.access_token import LEEWAY
from common.problems import PROBLEM_TYPES
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding
from tools.probe import ProbeResult

_STEP = "Correct the clock of {}: timedatectl set-ntp true (Windows: w32tm /resync)."


def skews(evidence: Evidence) -> dict[str, float]:
    """Return the seconds by which each app's clock is ahead of this machine's."""
    probes = {"msi-func": evidence.call, "aad-func": evidence.direct}
    return {app: probe.skew for app, probe in probes.items() if probe and _is_app(probe) and probe.skew is not None}


def _is_app(probe: ProbeResult) -> bool:
    """Return whether one of the apps responded, and not another server, whose clock does not matter."""
    return probe.is_accepted or probe.status == 401 or probe.code in PROBLEM_TYPES


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for the clock that is wrong: this machine's, if both apps differ from it alike."""
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
