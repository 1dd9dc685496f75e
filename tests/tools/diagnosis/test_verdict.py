"""The order of findings: by severity, then by position in the chain of requests."""

import pytest

from tests.tools.diagnosis import (
    test_aad_func,
    test_audience,
    test_clocks,
    test_identity,
    test_msi_func,
    test_open_door,
    test_rejection,
)
from tests.tools.probes import AAD_URL, MSI_URL, accepted, denied, direct, response
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Severity
from tools.diagnosis.verdict import diagnose

OLD = {"Date": "Fri, 01 Jan 2027 00:00:00 GMT"}
DOWN = response(0, url=MSI_URL, reason="the connection was refused")
ANYONE = response(200, {"caller": {}}, url=AAD_URL)

ORDER: list[tuple[str, Evidence, list[Severity]]] = [
    ("healthy", Evidence(accepted()), []),
    ("healthy, with all probes", Evidence(accepted(), direct=direct(401, "missing_token"), aad_url=AAD_URL), []),
    ("a fault", Evidence(denied(403, "missing_role")), [Severity.FAULT]),
    (
        "an app that does not respond, and a wrong clock",
        Evidence(DOWN, direct=direct(401, "missing_token", **OLD)),
        [Severity.UNREACHABLE, Severity.FAULT],
    ),
    (
        "a wrong clock, and a URL that is not aad-func's",
        Evidence(response(200, {"caller": {}}, **OLD), direct=direct(404)),
        [Severity.FAULT, Severity.INCONCLUSIVE],
    ),
    (
        "an open door, and an app that does not respond",
        Evidence(DOWN, direct=ANYONE, forged_token=ANYONE),
        [Severity.OPEN_DOOR, Severity.OPEN_DOOR, Severity.UNREACHABLE],
    ),
]


@pytest.mark.parametrize(("why", "found", "severities"), ORDER, ids=[case[0] for case in ORDER])
def test_findings_are_in_order_of_severity(why, found, severities):
    assert [finding.severity for finding in diagnose(found)] == severities


def test_earlier_part_of_the_chain_comes_first_among_equals():
    found = Evidence(denied(403, "missing_role"), direct=direct(401, "missing_token", **OLD))
    first, second = diagnose(found)
    assert "app role" in first.cause
    assert "clock" in second.cause
    assert first.severity is second.severity is Severity.FAULT


def test_wrong_clock_is_the_cause_of_an_expired_token():
    for code in ("token_expired", "token_not_yet_valid"):
        (found,) = diagnose(Evidence(denied(401, code), direct=direct(401, "missing_token", **OLD)))
        assert "aad-func's clock" in found.cause


def test_there_are_at_least_fifty_faults():
    modules = (test_aad_func, test_audience, test_clocks, test_identity, test_msi_func, test_open_door, test_rejection)
    assert sum(len(module.FAULTS) for module in modules) >= 50
