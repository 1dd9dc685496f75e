"""aad-func's code rejects the request, or a clock is wrong."""

from tests.support.scripted import http
from tests.support.tool import Ended, run
from tests.tools.fault import API, CALLER, OTHER, STAGING, TYPO, VISITOR, Fault
from tests.tools.stage import Stage


def _fresh(stage: Stage, *, assigned: bool) -> Ended:
    """The caller's token is cached without the role, which is assigned afterwards, or not at all."""
    azure = stage.tenant()
    run("token", settings=azure.environment("msi-func/slots/staging") | {"AAD_FUNC_SCOPE": f"api://{API}/.default"})
    if assigned:
        deployment = azure.environment("deployment")
        assign = run("roles", "assign", "--api", API, "--identity", STAGING, settings=deployment)
        assert assign.code == 0, assign.err
    return stage.apps(azure=azure, site="msi-func/slots/staging", known=True)


def _other_keys(stage: Stage) -> Ended:
    """The same tenant ID at another authority, which signs with other keys."""
    folder = stage.folder / "other"
    folder.mkdir()
    stage.state = folder
    return stage.apps(ENTRA_AUTHORITY=stage.tenant().origin)


FAULTS = [
    Fault(
        "setting missing",
        lambda s: s.apps(gone=("ENTRA_TENANT_ID",)),
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
        "scope of another API",
        lambda s: s.apps(AAD_FUNC_SCOPE=f"api://{OTHER}/.default", known=True),
        f"AAD_FUNC_SCOPE of msi-func names {OTHER}",
        f"Set AAD_FUNC_SCOPE=api://{API}/.default",
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
        "AAD_FUNC_SCOPE of msi-func and AAD_FUNC_CLIENT_ID or AAD_FUNC_AUDIENCES",
        "Compare the caller's AAD_FUNC_SCOPE",
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
        "The URL after --aad is not aad-func's",
        "--aad http://127.0.0.1:",
        3,
    ),
    Fault(
        "aad-func's clock",
        lambda s: s.shifted(-3 * 86400, "aad-func"),
        "aad-func's clock is 3 days behind.",
        "the machine that hosts aad-func",
    ),
    Fault(
        "aad-func's clock, a little",
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
