"""`wrong_audience`: the wrong setting, if this machine's settings identify it."""

import pytest

from common.remediations import REMEDIATIONS
from tests.tools.fault import API, OTHER, TYPO, Fault, check
from tests.tools.probes import denied
from tests.tools.stage import Stage
from tools.diagnosis.audience import audience_finding
from tools.diagnosis.evidence import Evidence

FAULTS = [
    Fault(
        "scope of another API",
        lambda s: s.apps(AAD_FUNC_SCOPE=f"api://{OTHER}/.default", known=True),
        f"AAD_FUNC_SCOPE of msi-func names {OTHER}",
        f"Set AAD_FUNC_SCOPE={API}/.default",
    ),
    Fault(
        "client ID misspelled",
        lambda s: s.apps(AAD_FUNC_CLIENT_ID=TYPO, known=True),
        f"AAD_FUNC_CLIENT_ID of aad-func is wrong: no API {TYPO} exists in the tenant, but {API} does.",
        f"Set AAD_FUNC_CLIENT_ID={API}",
    ),
    Fault(
        "audiences misspelled",
        lambda s: s.apps(AAD_FUNC_AUDIENCES=f"api://{TYPO}", known=True),
        "AAD_FUNC_AUDIENCES of aad-func does not contain",
        "Remove AAD_FUNC_AUDIENCES",
    ),
    Fault(
        "audience, settings unknown",
        lambda s: s.apps(AAD_FUNC_CLIENT_ID=OTHER),
        "AAD_FUNC_SCOPE of msi-func does not match AAD_FUNC_CLIENT_ID or AAD_FUNC_AUDIENCES of aad-func.",
        "Compare the caller's AAD_FUNC_SCOPE",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))


SCOPE = f"api://{API}/.default"
CASES: list[tuple[str, dict[str, str], bool | None, str, str]] = [
    (
        "the caller's settings only",
        {"AAD_FUNC_SCOPE": SCOPE},
        None,
        "does not match",
        REMEDIATIONS["wrong_audience"],
    ),
    ("aad-func's settings only", {"AAD_FUNC_CLIENT_ID": API}, None, "does not match", REMEDIATIONS["wrong_audience"]),
    (
        "another API, whose existence is unknown",
        {"AAD_FUNC_SCOPE": SCOPE, "AAD_FUNC_CLIENT_ID": TYPO},
        None,
        f"AAD_FUNC_SCOPE of msi-func names {API}",
        f"Set AAD_FUNC_SCOPE={TYPO}/.default in the settings of msi-func, and restart it.",
    ),
    (
        "another API, which exists",
        {"AAD_FUNC_SCOPE": SCOPE, "AAD_FUNC_CLIENT_ID": OTHER},
        True,
        f"but AAD_FUNC_CLIENT_ID of aad-func is {OTHER}.",
        f"Set AAD_FUNC_SCOPE={OTHER}/.default in the settings of msi-func, and restart it.",
    ),
    (
        "an API that does not exist",
        {"AAD_FUNC_SCOPE": SCOPE, "AAD_FUNC_CLIENT_ID": TYPO.upper()},
        False,
        f"no API {TYPO} exists in the tenant, but {API} does",
        f"Set AAD_FUNC_CLIENT_ID={API} in the settings of aad-func, and restart it.",
    ),
    (
        "an App ID URI with a name",
        {"AAD_FUNC_SCOPE": "api://orders/.default", "AAD_FUNC_CLIENT_ID": API},
        False,
        "AAD_FUNC_SCOPE of msi-func names api://orders/.default",
        f"Set AAD_FUNC_SCOPE={API}/.default in the settings of msi-func, and restart it.",
    ),
    (
        "audiences without the client ID",
        {"AAD_FUNC_SCOPE": SCOPE, "AAD_FUNC_CLIENT_ID": API, "AAD_FUNC_AUDIENCES": OTHER},
        None,
        f"AAD_FUNC_AUDIENCES of aad-func does not contain the audience of the tokens, {API}",
        "Remove AAD_FUNC_AUDIENCES from the settings of aad-func, and restart it.",
    ),
    (
        "a version 1 registration, and the scope in another spelling",
        {"AAD_FUNC_SCOPE": f"api://{API.upper()}/.default", "AAD_FUNC_CLIENT_ID": API},
        None,
        "In version 1 tokens, aud is the resource exactly as requested",
        f"Set AAD_FUNC_SCOPE={API}/.default in the settings of msi-func, and restart it.",
    ),
]


@pytest.mark.parametrize(("why", "settings", "known", "cause", "step"), CASES, ids=[case[0] for case in CASES])
def test_wrong_setting_is_named(why, settings, known, cause, step):
    found = audience_finding(Evidence(denied(401, "wrong_audience"), settings=settings, is_client_id_known=known))
    assert cause in found.cause
    assert found.step == step
