"""`misconfigured`: the step for a setting. A response supplies its name, never its value."""

from typing import Any

import pytest

from common.remediations import REMEDIATIONS
from tests.tools.probes import AAD_URL
from tools.diagnosis.settings import settings_finding

EMPTY = "is empty: set a value or remove it."
STEPS: list[tuple[str, list[Any], str, str]] = [
    (
        "missing",
        ["AAD_FUNC_CLIENT_ID"],
        "AAD_FUNC_CLIENT_ID is not set.",
        "Set AAD_FUNC_CLIENT_ID=<AAD_FUNC_CLIENT_ID>",
    ),
    ("malformed, the first of two", ["ENTRA_TENANT_ID", "X"], "ENTRA_TENANT_ID is not a GUID.", "Set ENTRA_TENANT_ID="),
    ("empty, with a default", ["AAD_FUNC_AUDIENCES"], f"AAD_FUNC_AUDIENCES {EMPTY}", "Remove AAD_FUNC_AUDIENCES"),
    ("empty, without a default", ["ENTRA_TENANT_ID"], f"ENTRA_TENANT_ID {EMPTY}", "Set ENTRA_TENANT_ID="),
    (
        "empty, with a default that accepts every caller",
        ["AAD_FUNC_ALLOWED_CALLERS"],
        f"AAD_FUNC_ALLOWED_CALLERS {EMPTY}",
        "Set AAD_FUNC_ALLOWED_CALLERS=",
    ),
    (
        "Easy Auth that is off",
        ["AAD_FUNC_AUTHENTICATION"],
        "AAD_FUNC_AUTHENTICATION is easy_auth, but Easy Auth is not enabled for this app.",
        "Remove AAD_FUNC_AUTHENTICATION",
    ),
    ("no name", [], "Something.", REMEDIATIONS["misconfigured"]),
    ("names that are commands", ["$(reboot)", "A B", "x;y", 7], "Something.", REMEDIATIONS["misconfigured"]),
]


@pytest.mark.parametrize(("why", "names", "detail", "step"), STEPS, ids=[case[0] for case in STEPS])
def test_setting_has_a_step(why, names, detail, step):
    found = settings_finding("aad-func", AAD_URL, {"settings": names, "detail": detail})
    assert found.cause == f"aad-func: {detail}"
    assert found.step.startswith(step)


def test_step_for_a_missing_dependency_is_a_new_deployment():
    found = settings_finding("msi-func", AAD_URL, {"package": "aiohttp", "detail": "No aiohttp.", "settings": ["X"]})
    assert found.step == "func azure functionapp publish '<msi-func app>' --python"
