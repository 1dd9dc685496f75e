"""Faults of msi-func's settings and tokens."""

import pytest

from tests.support.scripted import http
from tests.tools.fault import API, OTHER, TYPO, Fault, check
from tests.tools.stage import Stage

FAULTS = [
    Fault(
        "setting missing",
        lambda s: s.apps(removed=("AAD_FUNC_SCOPE",)),
        "msi-func: AAD_FUNC_SCOPE is not set.",
        "Set AAD_FUNC_SCOPE=",
    ),
    Fault(
        "setting malformed",
        lambda s: s.apps(AAD_FUNC_URL="http://aad-func.example/"),
        "msi-func: AAD_FUNC_URL is not an https URL",
        "Set AAD_FUNC_URL=",
    ),
    Fault(
        "setting empty",
        lambda s: s.apps(AAD_FUNC_TIMEOUT_SECONDS=""),
        "msi-func: AAD_FUNC_TIMEOUT_SECONDS is empty",
        "Remove AAD_FUNC_TIMEOUT_SECONDS",
    ),
    Fault(
        "no identity",
        lambda s: s.apps(site="aad-func"),
        "This app has no system-assigned identity",
        "az functionapp identity assign",
    ),
    Fault(
        "identity not attached",
        lambda s: s.apps(AAD_FUNC_IDENTITY_CLIENT_ID=OTHER),
        "No identity with this client ID is attached",
        "az functionapp identity show",
    ),
    Fault(
        "unknown API",
        lambda s: s.apps(AAD_FUNC_SCOPE=f"api://{TYPO}/.default"),
        "The identity endpoint returned its generic 500.",
        f"tools.roles list --api {TYPO}",
    ),
    Fault(
        "assignment required",
        lambda s: s.apps(site="msi-func/slots/staging", AAD_FUNC_SCOPE=f"api://{OTHER}/.default"),
        "The identity endpoint returned its generic 500.",
        f"tools.roles list --api {OTHER}",
    ),
    Fault(
        "identity header wrong",
        lambda s: s.apps(IDENTITY_HEADER="wrong"),
        "rejected this app's IDENTITY_HEADER",
        "Restart the Functions host of msi-func",
    ),
    Fault(
        "identity header missing",
        lambda s: s.apps(removed=("IDENTITY_HEADER",)),
        "IDENTITY_ENDPOINT is set but IDENTITY_HEADER is not",
        "Remove IDENTITY_ENDPOINT",
    ),
    Fault(
        "identity throttled",
        lambda s: s.fault("msi", status=429).apps(),
        "The identity endpoint is throttling requests",
        "python -m tools.doctor",
    ),
    Fault(
        "identity endpoint down",
        lambda s: s.apps(IDENTITY_ENDPOINT="http://127.0.0.1:9/msi/token"),
        "The identity endpoint is unreachable",
        "Restart the Functions host of msi-func",
    ),
    Fault(
        "identity endpoint is another server",
        lambda s: s.apps(IDENTITY_ENDPOINT=s.server(http(200, b"<html>"))),
        "The identity endpoint returned an invalid response.",
        "Remove IDENTITY_ENDPOINT",
    ),
    Fault(
        "only users may call",
        lambda s: s.apps(MSI_FUNC_CALL_MODES="user"),
        "needs a user's token",
        "export MSI_FUNC_TOKEN=$(az account get-access-token",
    ),
    Fault(
        "call mode off",
        lambda s: s.user("developer", MSI_FUNC_CALL_MODES="app"),
        "MSI_FUNC_CALL_MODES does not allow as=user.",
        "MSI_FUNC_CALL_MODES",
    ),
    Fault("unknown call mode", lambda s: s.apps(query="?as=unknown"), "as must be app", "Correct the request"),
    Fault(
        "user's token for another API",
        lambda s: s.user("developer", api=API),
        "The user's token is meant for another API.",
        "export MSI_FUNC_TOKEN=",
    ),
    Fault("second factor", lambda s: s.user("guarded"), "Entra requires the user to sign in again", "az login --scope"),
    Fault(
        "user not assigned",
        lambda s: s.user("visitor", AAD_FUNC_SCOPE=f"api://{OTHER}/.default"),
        "is not assigned to the called API (AADSTS50105)",
        f"tools.roles assign --api {OTHER}",
    ),
    Fault(
        "federated credential",
        lambda s: s.user("developer", MSI_FUNC_CLIENT_ID=API, api=API),
        "does not trust the managed identity (AADSTS",
        "az ad app federated-credential list",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))
