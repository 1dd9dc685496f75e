"""Faults that make aad-func's code reject the request."""

import pytest

from common.remediations import REMEDIATIONS
from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support.scripted import http
from tests.support.tool import Ended, run
from tests.tools.fault import API, CALLER, OTHER, STAGING, VISITOR, Fault, check
from tests.tools.probes import AAD_URL, denied, direct
from tests.tools.stage import Stage
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.rejection import rejection


def _fresh(stage: Stage, *, assigned: bool) -> Ended:
    """Cache a token without the role, then assign the role if `assigned`, and run the doctor."""
    slot = stage.azure.environment("msi-func/slots/staging")
    run("token", settings={**slot, "AAD_FUNC_SCOPE": f"api://{API}/.default"})
    if assigned:
        deployment = stage.azure.environment("deployment")
        assign = run("roles", "assign", "--api", API, "--identity", STAGING, settings=deployment)
        assert assign.code == 0, assign.err
    return stage.apps(site="msi-func/slots/staging", known=True)


def _other_keys(stage: Stage) -> Ended:
    """Run the doctor with an authority that has the same tenant ID and other keys."""
    other = stage.stack.enter_context(LocalAzure(load(), port=0, state=stage.folder))
    return stage.apps(ENTRA_AUTHORITY=other.origin)


FAULTS = [
    Fault(
        "setting missing",
        lambda s: s.apps(removed=("ENTRA_TENANT_ID",)),
        "aad-func: ENTRA_TENANT_ID is not set.",
        "Set ENTRA_TENANT_ID=",
    ),
    Fault(
        "setting malformed",
        lambda s: s.apps(AAD_FUNC_CLIENT_ID="x"),
        "aad-func: AAD_FUNC_CLIENT_ID is not a GUID.",
        "Set AAD_FUNC_CLIENT_ID=",
    ),
    Fault(
        "Easy Auth expected, but off",
        lambda s: s.apps(AAD_FUNC_AUTHENTICATION="easy_auth"),
        "is easy_auth, but Easy Auth is not enabled",
        "Remove AAD_FUNC_AUTHENTICATION",
    ),
    Fault(
        "tenant not found",
        lambda s: s.apps(ENTRA_TENANT_ID="10ca1000-0000-4000-8000-00000000000f"),
        "ENTRA_TENANT_ID of aad-func is not a tenant of ENTRA_AUTHORITY.",
        "Set ENTRA_TENANT_ID=",
    ),
    Fault(
        "no signing keys",
        lambda s: s.apps(ENTRA_AUTHORITY="http://127.0.0.1:9", known=True),
        "aad-func cannot fetch the tenant's signing keys.",
        "curl -sSi http://127.0.0.1:9/10ca1000",
    ),
    Fault(
        "keys of another authority",
        _other_keys,
        "signed with a key that the tenant does not publish",
        "Compare ENTRA_AUTHORITY and ENTRA_TENANT_ID",
    ),
    Fault(
        "role missing",
        lambda s: s.apps(site="msi-func/slots/staging"),
        f"The token of the application {STAGING} does not carry the app role DoAll. The token was issued at",
        f"tools.roles assign --api '<client ID of aad-func>' --identity {STAGING} --role DoAll",
    ),
    Fault(
        "role not assigned",
        lambda s: _fresh(s, assigned=False),
        f"The app role DoAll is not assigned to the application {STAGING}",
        f"tools.roles assign --api {API} --identity {STAGING} --role DoAll",
    ),
    Fault(
        "role not yet visible",
        lambda s: _fresh(s, assigned=True),
        "The app role DoAll is assigned. It takes effect by ",
        "Set AAD_FUNC_SCOPE=",
    ),
    Fault(
        "required role misspelled",
        lambda s: s.apps(AAD_FUNC_REQUIRED_ROLE="Doall"),
        "The caller has the app role DoAll, but AAD_FUNC_REQUIRED_ROLE is Doall.",
        "Set AAD_FUNC_REQUIRED_ROLE=DoAll",
    ),
    Fault(
        "user without the role",
        lambda s: s.user("visitor"),
        f"The token of the user {VISITOR} does not carry the app role DoAll.",
        f"--identity {VISITOR} --role DoAll",
    ),
    Fault(
        "caller not allowed",
        lambda s: s.apps(AAD_FUNC_ALLOWED_CALLERS=OTHER),
        f"The client {CALLER} is not in AAD_FUNC_ALLOWED_CALLERS",
        f"Set AAD_FUNC_ALLOWED_CALLERS={CALLER}",
    ),
    Fault(
        "caller not allowed, settings known",
        lambda s: s.apps(AAD_FUNC_ALLOWED_CALLERS=OTHER, known=True),
        f"The client {CALLER} is not in AAD_FUNC_ALLOWED_CALLERS",
        f"Set AAD_FUNC_ALLOWED_CALLERS={OTHER},{CALLER}",
    ),
    Fault(
        "--aad is another site",
        lambda s: s.apps(direct=f"{s.server(http(200, b'<html>'))}/"),
        "The URL in --aad or AAD_FUNC_URL is wrong",
        "--aad http://127.0.0.1:",
        3,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))


BY_CODE: list[tuple[str, Evidence, str, str]] = [
    (
        "Easy Auth was bypassed",
        Evidence(denied(401, "missing_principal"), aad_url=AAD_URL),
        "no valid principal from Easy Auth",
        "Remove AAD_FUNC_AUTHENTICATION from the settings of aad-func, and restart it.",
    ),
    (
        "a proxy removes the token",
        Evidence(denied(401, "missing_token"), without_token=denied(401, "missing_token"), aad_url=AAD_URL),
        "A proxy between msi-func and aad-func removes the Authorization header.",
        f"Set AAD_FUNC_URL={AAD_URL} in the settings of msi-func, and restart it.",
    ),
    (
        "another API requires a token",
        Evidence(denied(401, "missing_token"), direct=direct(401), aad_url=AAD_URL),
        "AAD_FUNC_URL does not lead to aad-func.",
        f"Set AAD_FUNC_URL={AAD_URL} in the settings of msi-func, and restart it.",
    ),
    (
        "msi-func itself responds",
        Evidence(denied(401, "user_token_required")),
        "The response has the error code user_token_required.",
        "--aad 'https://<aad-func app>.azurewebsites.net/api/aad-func'",
    ),
    (
        "an allowed caller without authentication",
        Evidence(
            denied(403, "caller_not_allowed", caller={"client_id": CALLER.upper()}),
            settings={"AAD_FUNC_ALLOWED_CALLERS": CALLER},
        ),
        "is an allowed caller, but requested the token as a public client, without authentication.",
        "Request the token with a managed identity",
    ),
    (
        "a kind of caller that is not accepted",
        Evidence(denied(403, "caller_not_allowed", detail="Only users are accepted.")),
        "aad-func rejected the caller: Only users are accepted.",
        REMEDIATIONS["caller_not_allowed"],
    ),
    (
        "a caller that is a command",
        Evidence(denied(403, "caller_not_allowed", caller={"client_id": "$(reboot)"}), aad_url=AAD_URL),
        "The client <client ID> is not in AAD_FUNC_ALLOWED_CALLERS",
        "Set AAD_FUNC_ALLOWED_CALLERS=<AAD_FUNC_ALLOWED_CALLERS>",
    ),
    (
        "another code of aad-func",
        Evidence(denied(401, "bad_signature", detail="The signature is invalid.")),
        "aad-func rejected the token: The signature is invalid.",
        REMEDIATIONS["bad_signature"],
    ),
]


@pytest.mark.parametrize(("why", "found", "cause", "step"), BY_CODE, ids=[case[0] for case in BY_CODE])
def test_code_has_its_finding(why, found, cause, step):
    finding = rejection(found)
    assert finding
    assert cause in finding.cause
    assert step in finding.step


@pytest.mark.parametrize("code", ["", "Request_ResourceNotFound", "constructor"])
def test_unknown_code_has_no_finding(code):
    assert rejection(Evidence(denied(403, code))) is None
