"""Wrong clocks of msi-func, aad-func or this machine."""

import time

import pytest

from aad_func.access_token import LEEWAY
from tests.tools.fault import Fault, check
from tests.tools.probes import AAD_URL, NOW, accepted, denied, direct, response
from tests.tools.stage import Stage
from tools.diagnosis import clocks
from tools.diagnosis.evidence import Evidence
from tools.probe import ProbeResult

FAULTS = [
    Fault(
        "aad-func's clock",
        lambda s: s.shifted(-3 * 86400, "aad-func"),
        "aad-func's clock is 3 days behind.",
        "the machine that hosts aad-func",
    ),
    Fault(
        "aad-func's clock, by minutes",
        lambda s: s.shifted(660, "aad-func"),
        "aad-func's clock is 11 minutes ahead.",
        "the machine that hosts aad-func",
    ),
    Fault(
        "msi-func's clock",
        lambda s: s.shifted(-7200, "msi-func"),
        "msi-func's clock is 2 hours behind.",
        "the machine that hosts msi-func",
    ),
    Fault(
        "this machine's clock",
        lambda s: s.shifted(3600, "aad-func", "msi-func"),
        "This machine's clock is 60 minutes behind.",
        "Correct the clock of this machine",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))


def dated(probe: ProbeResult, skew: float | None) -> ProbeResult:
    """Return the response with a Date header that is `skew` seconds ahead, if not None."""
    if skew is not None:
        shown = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW + skew))
        probe.headers["Date"] = shown  # type: ignore[index]
    return probe


# (label, seconds by which msi-func's clock is ahead, the same for aad-func, cause)
CAUSES: list[tuple[str, float | None, float | None, str]] = [
    ("both correct", 0, 0, ""),
    ("both within the leeway", LEEWAY, -LEEWAY + 1, ""),
    ("msi-func ahead", LEEWAY + 60, 0, "msi-func's clock is 6 minutes ahead."),
    ("aad-func behind", 0, -2 * 86400, "aad-func's clock is 2 days behind."),
    ("msi-func only", -3 * 3600, None, "msi-func's clock is 3 hours behind."),
    ("aad-func only", None, 400, "aad-func's clock is 7 minutes ahead."),
    ("both ahead", 3600, 3700, "This machine's clock is 60 minutes behind."),
    ("both behind", -86400, -86400, "This machine's clock is 24 hours ahead."),
    ("both, in opposite directions", 3600, -3600, "msi-func's clock is 60 minutes ahead."),
    ("no Date header", None, None, ""),
]


@pytest.mark.parametrize(("why", "msi", "aad", "cause"), CAUSES, ids=[case[0] for case in CAUSES])
def test_wrong_clock_is_named(why, msi, aad, cause):
    found = Evidence(dated(accepted(), msi), direct=dated(direct(401, "missing_token"), aad))
    causes = [finding.cause for finding in clocks.findings(found)]
    assert causes[:1] == ([cause] if cause else [])
    assert len(causes) == (2 if why == "both, in opposite directions" else len(causes[:1]))


OTHERS = [
    ("an HTML page", response(200, text="<html>")),
    ("a gateway", response(502)),
    ("an error with an unknown code", response(500, {"code": "Internal"})),
    ("a redirect", response(302)),
]


@pytest.mark.parametrize(("why", "probe"), OTHERS, ids=[case[0] for case in OTHERS])
def test_clock_of_another_server_is_ignored(why, probe):
    found = Evidence(dated(probe, 86400.0), direct=dated(response(404, url=AAD_URL), 86400.0))
    assert clocks.skews(found) == {}
    assert [*clocks.findings(found)] == []


def test_clock_of_an_app_that_rejects_the_request_is_evaluated():
    assert clocks.skews(Evidence(dated(denied(401, "token_expired"), 7200.0))) == {"msi-func": 7200 - 0.5}
