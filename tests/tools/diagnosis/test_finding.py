"""The severity of a finding: exit code and rank."""

import pytest

from tools.diagnosis.finding import Finding, Severity


@pytest.mark.parametrize(
    ("severity", "code"),
    [(Severity.INCONCLUSIVE, 3), (Severity.FAULT, 1), (Severity.UNREACHABLE, 3), (Severity.OPEN_DOOR, 1)],
)
def test_exit_code_distinguishes_faults_from_unreachable_apps(severity, code):
    finding = Finding("cause", "step", severity)
    assert finding.exit_code == code
    assert finding.as_dict() == {"severity": severity.name.lower(), "cause": "cause", "step": "step"}


def test_open_door_outranks_everything():
    assert max(Severity) is Severity.OPEN_DOOR
    assert Finding("cause", "step").severity is Severity.FAULT
