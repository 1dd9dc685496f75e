"""scripts/ can be run twice, stop at the first error, and make what infra/ makes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_azure.tenant.loader import load
from tests.support.apps import APP, clean_environment
from tests.support.bicep import Bicep

SCRIPTS = sorted((APP / "scripts").glob("*.sh"))
ROLE_CALLER = ("client", "identity")

Run = Callable[..., tuple[int, str, dict[str, Any]]]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script with an az that keeps its state between runs; gives exit code, output and that state."""
    az, state = tmp_path / "az", tmp_path / "state.json"
    az.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{APP}/tests/support/fake_az.py" "$@"\n')
    az.chmod(0o755)

    def run(script: str, *arguments: str, fail: str = "") -> tuple[int, str, dict[str, Any]]:
        with clean_environment():
            inherited = dict(os.environ)
        environment = {
            **inherited,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "FAKE_AZ_STATE": str(state),
            "FAIL": fail,
            "RETRY_SECONDS": "0",
        }
        done = subprocess.run(
            ["bash", str(APP / "scripts" / script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout, json.loads(state.read_text()) if state.exists() else {}

    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_can_be_executed_and_stops_at_the_first_error(script: Path):
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_without_arguments_every_script_says_what_it_wants(script: Path, run: Run):
    code, _, state = run(script.name)
    assert code == 2
    assert state == {}


def test_the_registration_is_that_of_the_local_tenant_and_the_same_after_a_second_run(run: Run):
    (wanted,) = [app for app in load().applications if app.name == "aad-func"]
    code, said, first = run("register-api.sh", "aad-func-dev")
    assert code == 0
    assert said.splitlines() == [
        "client id   client",
        "App ID URI  api://10ca1000-0000-4000-8000-000000000000/aad-func-dev",
    ]
    made = first["applications"]
    (role,), (scope,) = made["appRoles"], made["api"]["oauth2PermissionScopes"]
    clients = made["api"]["preAuthorizedApplications"]
    assert role["value"] == wanted.app_roles[0].value
    assert sorted(role["allowedMemberTypes"]) == sorted(wanted.app_roles[0].member_types)
    assert scope["value"] == wanted.scopes[0].value
    assert sorted(client["appId"] for client in clients) == sorted(wanted.pre_authorized_clients)
    assert all(client["delegatedPermissionIds"] == [scope["id"]] for client in clients)
    assert made["api"]["requestedAccessTokenVersion"] == wanted.token_version
    assert [claim["name"] for claim in made["optionalClaims"]["accessToken"]] == list(wanted.optional_claims)
    assert first["servicePrincipals"] == {"appRoleAssignmentRequired": True}

    _, _, second = run("register-api.sh", "aad-func-dev")
    assert second["applications"] == made


def test_the_registration_is_the_one_that_bicep_makes(run: Run):
    bicep = (APP / "infra" / "modules" / "registration.bicep").read_text()
    made = run("register-api.sh", "aad-func-dev")[2]["applications"]
    (role,), (scope,) = made["appRoles"], made["api"]["oauth2PermissionScopes"]
    for text in (role["description"], *(value for key, value in scope.items() if "Consent" in key)):
        assert f"'{text}'" in bicep
    keys = {*made, *made["api"], *role, *scope, *made["api"]["preAuthorizedApplications"][0]}
    for key in keys:
        assert f" {key}: " in bicep, key


def test_assignment_need_not_be_required(run: Run):
    _, _, state = run("register-api.sh", "aad-func-dev", "--allow-unassigned")
    assert state["servicePrincipals"] == {"appRoleAssignmentRequired": False}


def test_a_registration_that_cannot_be_written_ends_the_script(run: Run):
    code, said, state = run("register-api.sh", "aad-func-dev", fail="rest PATCH")
    assert code != 0
    assert said == ""
    assert "rest GET" not in state["calls"]


def test_a_role_is_assigned_once_however_often_it_is_asked_for(run: Run):
    for words in ("now", "already"):
        code, said, state = run("assign-role.sh", *ROLE_CALLER)
        assert (code, said) == (0, f"identity has DoAll of client {words}.\n")
    assert state["assignments"] == [
        {"principalId": "identity", "resourceId": "service-principal", "appRoleId": "role"},
    ]


def test_an_identity_that_the_directory_does_not_know_yet_is_tried_again(run: Run):
    code, _, state = run("assign-role.sh", *ROLE_CALLER, fail="rest POST*2")
    assert code == 0
    assert state["calls"].count("rest POST") == 3
    assert run("assign-role.sh", *ROLE_CALLER)[0] == 0


def test_a_role_that_cannot_be_assigned_or_does_not_exist_is_a_failure(run: Run):
    assert run("assign-role.sh", *ROLE_CALLER, fail="rest POST")[0] == 1
    assert run("assign-role.sh", *ROLE_CALLER, "DoNothing")[0] == 1


def test_an_app_is_created_once_and_its_storage_knows_no_keys(run: Run):
    for _ in range(2):
        code, said, state = run("create-function-app.sh", "aad-func-4711", "rg", "westeurope")
        assert code == 0
        assert said.splitlines() == ["host name           app.example.net", "identity object id  identity"]
    assert state["calls"].count("functionapp create") == 1
    assert state["app"]["deployment-storage-auth-type"] == "SystemAssignedIdentity"
    assert state["app"]["runtime-version"] == "3.12"
    assert "app-insights" not in state["app"]
    assert state["calls"].count("functionapp config appsettings delete") == 2
    storage = state["app"]["storage-account"]
    assert storage.isalnum()
    assert storage.islower()
    assert 3 <= len(storage) <= 24


def test_an_app_has_the_same_http_concurrency_as_with_bicep(run: Run):
    _, _, state = run("create-function-app.sh", "aad-func-4711", "rg", "westeurope")
    default = Bicep(APP / "infra" / "main.bicep").named("param")["perInstanceConcurrency"].head.partition("= ")[2]
    assert (state["scale"]["name"], state["scale"]["trigger-type"]) == ("aad-func-4711", "http")
    assert state["scale"]["trigger-settings"] == f"perInstanceConcurrency={default.strip()}"


def test_the_second_app_may_share_the_first_ones_application_insights(run: Run):
    _, _, state = run("create-function-app.sh", "msi-func-4711", "rg", "westeurope", "aad-func-4711")
    assert state["app"]["app-insights"] == "aad-func-4711"


def test_a_registration_is_deleted_for_good_and_deleting_it_again_is_no_error(run: Run):
    run("register-api.sh", "aad-func-dev")
    code, said, state = run("delete-registration.sh", "client", fail="rest DELETE*1")
    assert (code, said) == (0, "client is deleted for good.\n")
    assert state["purged"] == "app-object"
    assert run("delete-registration.sh", "client")[:2] == (0, "There is no such registration, deleted or not.\n")


def test_a_registration_that_was_only_deleted_is_purged(run: Run):
    run("register-api.sh", "aad-func-dev")
    assert run("delete-registration.sh", "client", fail="rest DELETE")[0] == 1
    code, said, state = run("delete-registration.sh", "client")
    assert (code, said) == (0, "client is deleted for good.\n")
    assert state["calls"].count("ad app delete") == 1


def test_nobody_signed_in_is_not_taken_for_nothing_there(run: Run):
    for script, arguments in (("delete-registration.sh", ["client"]), ("register-api.sh", ["name"])):
        assert run(script, *arguments, fail="account show")[0] != 0
