"""scripts/ are idempotent, stop at the first error, and create the same resources as infra/."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local_azure.tenant.loader import load
from tests.infra.conftest import SECONDS, Run
from tests.support.apps import APP
from tests.support.bicep import Bicep
from tests.support.bicep_deployment import Deployment, Resource
from tests.support.fake_directory import TENANT, fake_id

SCRIPTS = sorted((APP / "scripts").glob("*.sh"))
HOOKS = [path for path in SCRIPTS if path.name.startswith("azd-")]
API, CALLER = fake_id("client", "aad-func-dev"), fake_id("identity", "msi-func")
TEMPLATE = {"environmentName": "dev", "location": "westeurope", "callModes": "app,user"}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")


def template(kind: str, name: str) -> Resource:
    """Return a resource of the template's deployment."""
    found = Deployment(APP / "infra" / "main.bicep", TEMPLATE).of_type(kind)
    return next(each for each in found if each.name.startswith(name))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_executable_and_stops_at_the_first_error(script: Path):
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_prints_its_usage_without_arguments(script: Path, run: Run):
    code, _, state = run(script.name)
    assert code == 2
    assert run.errors.startswith("usage: ")
    assert state == {}


@pytest.mark.parametrize("script", [path for path in SCRIPTS if path not in HOOKS], ids=lambda path: path.name)
def test_help_does_not_run_az(script: Path, run: Run):
    code, output, state = run(script.name, "--help")
    assert (code, state) == (0, {})
    assert output.startswith(f"usage: scripts/{script.name}")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is missing; .ci/run installs it")
def test_scripts_pass_shellcheck():
    command = ["shellcheck", "-x", *map(str, SCRIPTS), ".ci/run"]
    done = subprocess.run(command, cwd=APP, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments", [["n", "--roles"], ["n", "--token-version", "3"], ["n", "--everything"]], ids=str)
def test_unknown_options_are_rejected(arguments: list[str], run: Run):
    code, _, state = run("register-api.sh", *arguments)
    assert (code, state) == (2, {})


# aad-func's registration


def test_registration_matches_the_local_tenant_and_a_second_run_does_not_change_it(run: Run):
    (expected,) = [app for app in load().applications if app.name == "aad-func"]
    code, output, first = run("register-api.sh", "aad-func-dev")
    assert code == 0
    assert output.splitlines() == [f"client ID   {API}", f"App ID URI  api://{TENANT}/aad-func-dev"]
    registration = first["applications"]["aad-func-dev"]
    (role,), (scope,) = registration["appRoles"], registration["api"]["oauth2PermissionScopes"]
    clients = registration["api"]["preAuthorizedApplications"]
    assert role["value"] == expected.app_roles[0].value
    assert sorted(role["allowedMemberTypes"]) == sorted(expected.app_roles[0].member_types)
    assert scope["value"] == expected.scopes[0].value
    assert sorted(client["appId"] for client in clients) == sorted(expected.pre_authorized_clients)
    assert all(client["delegatedPermissionIds"] == [scope["id"]] for client in clients)
    assert registration["api"]["requestedAccessTokenVersion"] == expected.token_version
    assert [claim["name"] for claim in registration["optionalClaims"]["accessToken"]] == list(expected.optional_claims)
    assert registration["principal"] == {"appRoleAssignmentRequired": True}

    _, _, second = run("register-api.sh", "aad-func-dev")
    assert second["applications"]["aad-func-dev"] == registration


@pytest.mark.parametrize("name", ["aad-func", "msi-func"])
def test_registrations_match_those_of_the_template(name: str, run: Run):
    run("register-api.sh", "aad-func")
    run("register-caller.sh", "msi-func", CALLER, "--users-of", fake_id("client", "aad-func"))
    registration = run("register-api.sh", "aad-func")[2]["applications"][name]
    registration.pop("principal")
    credentials = registration.pop("federated", {})
    expected = template("Microsoft.Graph/applications", name).body
    assert registration.keys() == expected.keys() - {"uniqueName"}
    assert without_ids(registration) == without_ids({key: expected[key] for key in registration})
    if credentials:
        deployed = template("Microsoft.Graph/applications/federatedIdentityCredentials", name).body
        assert without_ids(credentials["msi-func"]) == without_ids(
            {key: deployed[key] for key in credentials["msi-func"]}
        )
        assert credentials["msi-func"]["subject"] == CALLER


def without_ids(value: object) -> object:
    """Replace IDs, URIs and display names, which differ between registrations."""
    text = re.sub(r'"displayName": "(aad|msi)-func[^"]*"', '"displayName": "NAME"', json.dumps(value, sort_keys=True))
    text = re.sub(rf"api://{TENANT}/[\w-]+", "URI", text)
    known = r"04b07795-8ddb-461a-bbee-02f9e1bf7b46|aebc6443-996d-45c2-90f0-388ff96faa56"
    return re.sub(
        rf"(?!{known})\b[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", "ID", text.replace(TENANT, "TENANT")
    )


def test_missing_app_roles_are_added_and_existing_ones_are_unchanged(run: Run):
    _, _, state = run("register-api.sh", "aad-func-dev", "--roles", "DoAll,Orders.Read")
    first = state["applications"]["aad-func-dev"]["appRoles"]
    assert [role["value"] for role in first] == ["DoAll", "Orders.Read"]
    first[1]["description"] = "Changed by hand."
    edited = {**state, "applications": {"aad-func-dev": {**state["applications"]["aad-func-dev"], "appRoles": first}}}
    run.state.write_text(json.dumps(edited))
    _, _, state = run("register-api.sh", "aad-func-dev", "--roles", "Orders.Write")
    roles = state["applications"]["aad-func-dev"]["appRoles"]
    assert roles[:2] == first
    assert [role["value"] for role in roles[2:]] == ["Orders.Write"]


def test_roles_that_cannot_be_read_are_not_overwritten(run: Run):
    code, _, state = run("register-api.sh", "aad-func-dev", fail="rest GET")
    assert code != 0
    assert "rest PATCH" not in state["calls"]


def test_options_allow_unassigned_callers_and_token_version_1(run: Run):
    code, _, state = run("register-api.sh", "aad-func-dev", "--allow-unassigned", "--token-version", "1")
    registration = state["applications"]["aad-func-dev"]
    assert code == 0
    assert registration["principal"] == {"appRoleAssignmentRequired": False}
    assert registration["api"]["requestedAccessTokenVersion"] == 1


def test_failed_write_of_a_registration_stops_the_script(run: Run):
    code, output, state = run("register-api.sh", "aad-func-dev", fail="rest PATCH")
    assert code != 0
    assert output == ""
    assert state["calls"].count("rest GET") == 1


# msi-func's registration


def test_caller_without_users_has_no_scope_or_consent_and_a_second_run_does_not_change_it(run: Run):
    code, output, first = run("register-caller.sh", "msi-func-dev", CALLER)
    assert code == 0
    assert output.splitlines() == [
        f"client ID   {fake_id('client', 'msi-func-dev')}",
        f"object ID   {fake_id('principal', 'msi-func-dev')}",
    ]
    registration = first["applications"]["msi-func-dev"]
    assert (registration["identifierUris"], registration["api"]["oauth2PermissionScopes"]) == ([], [])
    assert "grants" not in first
    assert run("register-caller.sh", "msi-func-dev", CALLER)[2]["applications"]["msi-func-dev"] == registration


def test_consent_for_users_is_granted_once(run: Run):
    run("register-api.sh", "aad-func-dev")
    for _ in range(2):
        code, output, state = run("register-caller.sh", "msi-func-dev", CALLER, "--users-of", API)
        assert code == 0
        assert output.splitlines()[2] == f"user scope  api://{TENANT}/msi-func-dev/.default"
    (consent,) = state["grants"]
    assert consent == {
        "clientId": fake_id("principal", "msi-func-dev"),
        "consentType": "AllPrincipals",
        "resourceId": fake_id("principal", "aad-func-dev"),
        "scope": "user_impersonation",
    }


# App roles


def test_role_is_assigned_once_if_the_script_runs_twice(run: Run):
    role_id = run("register-api.sh", "aad-func-dev")[2]["applications"]["aad-func-dev"]["appRoles"][0]["id"]
    for words in ("now", "already"):
        code, output, state = run("assign-role.sh", API, CALLER)
        assert (code, output) == (0, f"{CALLER} {words} has the app role DoAll of {API}.\n")
    assert state["assignments"] == [
        {"principalId": CALLER, "resourceId": fake_id("principal", "aad-func-dev"), "appRoleId": role_id},
    ]


def test_assignment_is_retried_until_the_identity_is_in_the_directory(run: Run):
    run("register-api.sh", "aad-func-dev")
    code, _, state = run("assign-role.sh", API, CALLER, fail="rest POST*2")
    assert code == 0
    assert state["calls"].count("rest POST") == 3
    assert run("assign-role.sh", API, CALLER)[0] == 0


def test_failed_assignment_or_unknown_role_fails_the_script(run: Run):
    run("register-api.sh", "aad-func-dev")
    assert run("assign-role.sh", API, CALLER, fail="rest POST")[0] == 1
    assert run("assign-role.sh", API, CALLER, "DoNothing")[0] == 1


def test_missing_directory_rights_print_the_administrators_command_without_retries(run: Run):
    run("register-api.sh", "aad-func-dev")
    code, _, state = run("assign-role.sh", API, CALLER, fail="rest POST=Forbidden Authorization_RequestDenied")
    assert code == 3
    assert state["calls"].count("rest POST") == 1
    assert f"scripts/assign-role.sh {API} {CALLER} DoAll" in run.errors


# Function apps


def test_app_is_created_once_and_uses_storage_without_keys(run: Run):
    for _ in range(2):
        code, output, state = run("create-function-app.sh", "aad-func-4711", "rg", "westeurope")
        assert code == 0
        assert output.splitlines() == [
            "host name           aad-func-4711.azurewebsites.net",
            f"identity object ID  {fake_id('identity', 'aad-func-4711')}",
        ]
    app = state["sites"]["aad-func-4711"]
    assert state["calls"].count("functionapp create") == 1
    assert app["deployment-storage-auth-type"] == "SystemAssignedIdentity"
    assert app["runtime-version"] == "3.12"
    assert state["calls"].count("functionapp config appsettings delete") == 2
    storage = app["storage-account"]
    assert storage.isalnum()
    assert storage.islower()
    assert 3 <= len(storage) <= 24
    deployed = Deployment(APP / "infra" / "main.bicep", TEMPLATE)
    host = {name for name in deployed.settings(deployed.outputs["AAD_FUNC_NAME"]) if "STORAGE" in name.upper()}
    assert app["settings"].keys() == host | {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}


def test_app_has_the_http_concurrency_of_the_template(run: Run):
    _, _, state = run("create-function-app.sh", "aad-func-4711", "rg", "westeurope")
    scale = state["sites"]["aad-func-4711"]["scale"]
    main = Bicep(APP / "infra" / "main.bicep")
    assert scale["trigger-type"] == "http"
    assert scale["trigger-settings"] == f"perInstanceConcurrency={main.default('perInstanceConcurrency')}"
    assert scale["maximum-instance-count"] == str(main.default("maximumInstanceCount"))


def test_apps_of_a_group_share_one_workspace_and_one_application_insights(run: Run):
    for name in ("aad-func-4711", "msi-func-4711"):
        _, _, state = run("create-function-app.sh", name, "rg", "westeurope")
        assert state["sites"][name]["app-insights"] == "appi-rg"
    (name, properties), other = state["created"]
    assert [name, properties] == other
    assert properties == {"Application_Type": "web", "WorkspaceResourceId": "/log-rg", "DisableLocalAuth": True}


def test_app_has_the_roles_of_the_template_and_no_publishing_passwords(run: Run):
    _, _, state = run("create-function-app.sh", "aad-func-4711", "rg", "westeurope")
    identity, storage = fake_id("identity", "aad-func-4711"), state["sites"]["aad-func-4711"]["storage-account"]
    assert state["granted"] == [
        [identity, "Storage Blob Data Owner", f"/{storage}"],
        [identity, "Monitoring Metrics Publisher", "/appi-rg"],
    ]
    assert state["updated"] == [["sites/aad-func-4711", name, "properties.allow=false"] for name in ("scm", "ftp")]


@pytest.mark.parametrize(
    ("created", "waits"), [(1_000_000, 0), (1_000_081, 1), (1_000_180, 6)], ids=["old role", "new role", "newer role"]
)
def test_deployment_waits_only_for_new_roles_on_storage(created: int, waits: int, run: Run):
    """`date` and `sleep` are faked: time starts 200 s after the old role's creation, and each `sleep` adds 20 s."""
    folder = Path(run.environment["PATH"].partition(":")[0])
    fakes = {
        "sleep": f'echo >> "{folder}/slept"',
        "date": f'[ "$*" = +%s ] || exec "{shutil.which("date")}" "$@"\n'
        f'touch "{folder}/slept"; echo $((1000200 + 20 * $(wc -l < "{folder}/slept")))',
    }
    for name, text in fakes.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    role_created = dt.datetime.fromtimestamp(created, dt.UTC).isoformat()
    run.state.write_text(json.dumps({"calls": [], "role_created": role_created}))
    code, output, _ = run("wait-for-storage.sh", "rg", STORAGE_ROLE_SECONDS="120")
    assert (code, output.count("Waiting")) == (0, waits)


# Deleting a registration


def test_registration_is_deleted_permanently_and_deleting_it_again_succeeds(run: Run):
    run("register-api.sh", "aad-func-dev")
    code, output, state = run("delete-registration.sh", API, fail="rest DELETE*1")
    assert (code, output) == (0, f"{API} is deleted permanently.\n")
    assert state["purged"] == "aad-func-dev"
    assert run("delete-registration.sh", API)[:2] == (
        0,
        f"There is no registration with the client ID {API}, not even a deleted one.\n",
    )


def test_soft_deleted_registration_is_purged(run: Run):
    run("register-api.sh", "aad-func-dev")
    assert run("delete-registration.sh", API, fail="rest DELETE")[0] == 1
    code, output, state = run("delete-registration.sh", API)
    assert (code, output) == (0, f"{API} is deleted permanently.\n")
    assert state["calls"].count("ad app delete") == 1


def test_missing_sign_in_is_not_reported_as_a_missing_registration(run: Run):
    for script, arguments in (("delete-registration.sh", ["client"]), ("register-api.sh", ["name"])):
        assert run(script, *arguments, fail="account show")[0] != 0
