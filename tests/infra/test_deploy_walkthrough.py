"""The commands of the deployment pages, run in order, deploy an msi-func that aad-func accepts."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aad_func.authorization import Authorizer
from msi_func.app_registration import AppRegistration
from msi_func.downstream import DownstreamApi
from tests.infra.conftest import SECONDS
from tests.infra.decision import accepted_roles, app_settings
from tests.support.apps import APP
from tests.support.fake_directory import TENANT, fake_id

DEPLOY = (APP / "docs" / "deploy.md").read_text()
OPTIONS = (APP / "docs" / "deploy-options.md").read_text()

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")


def blocks(page: str, heading: str) -> list[str]:
    """Return the shell blocks of a section."""
    section = re.split(rf"^#+ {heading}\n", page, flags=re.MULTILINE)[1]
    return re.findall(r"```sh\n(.*?)```", re.split(r"^##+ ", section, flags=re.MULTILINE)[0], re.DOTALL)


SIGN_IN, UP, TRY, TAKE_DOWN = (
    "\n".join(blocks(DEPLOY, heading))
    for heading in ("Before you start", "Deploy everything", "Try it", "Take it down")
)


@dataclass
class Shell:
    """A shell in a folder like a clone, with a fake az, a fake azd and recorders for other tools."""

    folder: Path
    environment: dict[str, str]

    def run(self, *commands: str, **environment: str) -> str:
        """Run the commands, which must succeed, and return their output."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def state(self, tool: str) -> dict[str, Any]:
        return json.loads(Path(self.environment[f"FAKE_{tool}_STATE"]).read_text())

    @property
    def recorded(self) -> list[str]:
        """The recorded commands and their input."""
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def shell(fake_az: dict[str, str], tmp_path: Path) -> Shell:
    tools = tmp_path / "bin"
    folder = tmp_path / "clone"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / "scripts").symlink_to(APP / "scripts")
    recorder = f'#!/bin/sh\necho "$(basename "$0") $*" >> "{folder}/log"\n'
    fakes = {tools / name: recorder for name in ("make", "func", "curl")}
    fakes[tools / "curl"] += f'case "$*" in *@-*) cat >> "{folder}/log" ;; esac\n'
    fakes[folder / ".venv" / "bin" / "python"] = recorder
    fakes[tools / "azd"] = f'#!/bin/sh\nPYTHONPATH="{APP}" exec "{sys.executable}" -m tests.support.fake_azd "$@"\n'
    for path, text in fakes.items():
        path.write_text(text)
        path.chmod(0o755)
    return Shell(folder, {**fake_az, "FAKE_AZD_STATE": str(tmp_path / "azd.json")})


def check(shell: Shell, aad: dict[str, str], msi: dict[str, str], identity: str = "") -> None:
    """Check that aad-func with its settings accepts msi-func with its settings."""
    applications = shell.state("AZ")["applications"]
    client_ids = {name: app.get("appId") or fake_id("client", name) for name, app in applications.items()}
    with app_settings(aad):
        authorizer = Authorizer.from_settings()
    with app_settings(msi):
        options = DownstreamApi.from_settings("AAD_FUNC").options
        registration = AppRegistration.from_settings() if "MSI_FUNC_CLIENT_ID" in msi else None
    (api,) = [app for name, app in applications.items() if client_ids[name] == aad["AAD_FUNC_CLIENT_ID"]]
    assert options.scope.removesuffix("/.default") in api["identifierUris"]
    client_id = "the identity's"
    if msi.get("AAD_FUNC_CREDENTIAL") == "application":
        assert registration
        (name,) = [name for name in applications if client_ids[name] == registration.client_id]
        client_id, identity = (
            registration.client_id,
            applications[name].get("principalId") or fake_id("principal", name),
        )
    roles = [
        role["value"]
        for assignment in shell.state("AZ").get("assignments", [])
        for role in api["appRoles"]
        if (assignment["principalId"], assignment["appRoleId"]) == (identity, role["id"])
    ]
    claims = {"ver": "2.0", "tid": TENANT, "aud": aad["AAD_FUNC_CLIENT_ID"], "azp": client_id, "roles": roles}
    assert accepted_roles(authorizer, {**claims, "oid": identity, "sub": identity}) == ["DoAll"]
    disabled = [{name for name in app if name.endswith(".Disabled")} for app in (aad, msi)]
    assert disabled == [{"AzureWebJobs.msi_func.Disabled"}, {"AzureWebJobs.aad_func.Disabled"}]


def check_azd(shell: Shell) -> None:
    state = shell.state("AZD")
    settings = state["settings"]
    assignee = state["outputs"]["CALLER_OBJECT_ID"]
    by_setting = settings["AAD_FUNC"].get("AAD_FUNC_ROLE_ASSIGNMENTS", "").removeprefix("DoAll=")
    check(shell, settings["AAD_FUNC"], settings["MSI_FUNC"], assignee or by_setting)


def test_deploy_page_works_from_sign_in_to_take_down(shell: Shell):
    printed = shell.run(SIGN_IN, UP)
    check_azd(shell)
    outputs = shell.state("AZD")["outputs"]
    assert printed.count(" now has the app role ") == 1
    assert "One step is left" not in printed
    assert outputs["RESOURCE_GROUP_URL"] in printed

    shell.run(TRY)
    # The function key must not be visible on a command line.
    sent = shell.recorded.index(f"curl -i -H @- {outputs['MSI_FUNC_URL']}")
    assert shell.recorded[sent + 1] == "x-functions-key: function-key"
    assert f"python -m tools.doctor {outputs['MSI_FUNC_URL']} --aad {outputs['AAD_FUNC_URL']}" in shell.recorded
    assert f"python -m tools.token --scope {outputs['AAD_FUNC_SCOPE']}" in shell.recorded
    assert len(shell.state("AZ")["assignments"]) == 2

    shell.run(TAKE_DOWN)
    assert shell.state("AZ")["applications"] == {}


def test_azd_up_works_after_a_change_and_after_azd_down(shell: Shell):
    shell.run(UP)
    printed = shell.run("azd env set PER_INSTANCE_CONCURRENCY 16", "azd up")
    assert " already has the app role " in printed
    check_azd(shell)
    shell.run("azd down --force --purge", "azd up")
    check_azd(shell)


def test_azd_up_prints_the_commands_of_the_page(shell: Shell):
    printed = shell.run(UP).split("Try them:\n")[1]
    outputs = shell.state("AZD")["outputs"]
    page = re.sub(
        r'"?\$\(azd env get-value (\w+)\)"?', lambda match: f'"{outputs[match[1]]}"', blocks(DEPLOY, "Try it")[0]
    )
    assert [line.strip() for line in printed.splitlines()] == page.splitlines()


def test_without_the_right_to_assign_the_role_azd_up_prints_the_administrators_command(shell: Shell):
    printed = shell.run(UP, FAIL="rest POST=Authorization_RequestDenied")
    state = shell.state("AZD")
    command = (
        f"scripts/assign-role.sh {state['outputs']['AAD_FUNC_CLIENT_ID']} {state['outputs']['CALLER_OBJECT_ID']} DoAll"
    )
    assert (
        "One step is left. Until it is done, aad-func rejects msi-func. An administrator must run this command once:\n"
        f"  {command}\n" in printed
    )
    shell.run(command)
    check_azd(shell)


def test_other_failed_assignments_stop_azd_up(shell: Shell):
    with pytest.raises(AssertionError, match="Attempt 5 of 6 failed"):
        shell.run(UP, FAIL="rest POST")


def test_missing_sign_in_is_reported_before_anything_is_created(shell: Shell):
    with pytest.raises(AssertionError, match="First sign in to the same tenant as azd: az login"):
        shell.run(UP, FAIL="account show")
    assert shell.state("AZD")["outputs"] == {}


def test_sign_in_to_another_tenant_is_reported_before_the_role_is_assigned(shell: Shell):
    shell.run(UP)
    environment = {**shell.state("AZD")["outputs"], "AZURE_TENANT_ID": "another"}
    with pytest.raises(AssertionError, match="az login --tenant another"):
        shell.run("scripts/azd-postprovision.sh", **environment)
    assert len(shell.state("AZ")["assignments"]) == 1


def test_printed_command_assigns_the_role_if_role_assignment_is_none(shell: Shell):
    printed = shell.run("azd env new dev", "azd env set ROLE_ASSIGNMENT none", "azd up")
    assert "assignments" not in shell.state("AZ")
    shell.run(re.findall(r"^  (scripts/assign-role.sh .*)$", printed, re.MULTILINE)[0])
    check_azd(shell)


def test_commands_for_missing_rights_work(shell: Shell):
    administrator, *rest = "\n".join(blocks(OPTIONS, "Missing rights")).splitlines()
    printed = dict(re.split(r"  +", line) for line in shell.run(administrator).splitlines())
    shell.run(*rest, CLIENT_ID=printed["client ID"], APP_ID_URI=printed["App ID URI"])
    check_azd(shell)
    assert "assignments" not in shell.state("AZ")
    assert list(shell.state("AZ")["applications"]) == ["aad-func-dev"]


def test_commands_for_calls_as_an_application_work(shell: Shell):
    shell.run("azd env new dev", *blocks(OPTIONS, "Call as an application"))
    check_azd(shell)
    assert shell.state("AZD")["settings"]["MSI_FUNC"]["AAD_FUNC_CREDENTIAL"] == "application"


def test_commands_for_calls_on_behalf_of_users_work(shell: Shell):
    up, call = blocks(OPTIONS, "On behalf of users")
    printed = shell.run("azd env new dev", up)
    state = shell.state("AZD")
    assert state["settings"]["MSI_FUNC"]["MSI_FUNC_CALL_MODES"] == "user"
    assert "<object ID of the user or group> DoAll" in printed
    shell.run(call, MSI_FUNC_KEY="function-key")
    assert shell.recorded[-3].endswith(f"{state['outputs']['MSI_FUNC_URL']}?as=user")
    assert shell.recorded[-2:] == ["x-functions-key: function-key", "Authorization: Bearer "]


def test_commands_for_easy_auth_work(shell: Shell):
    shell.run("azd env new dev", "azd env set EASY_AUTH true", "azd up", *blocks(OPTIONS, "Easy Auth"))
    assert [line.split()[-1] for line in shell.recorded] == [shell.state("AZD")["outputs"]["AAD_FUNC_URL"]] * 2


@pytest.mark.parametrize("as_application", [False, True], ids=["identity", "application"])
def test_commands_for_az_and_func_work(as_application: bool, shell: Shell):
    identity, application = blocks(OPTIONS, "With az and func")
    shell.run(identity, *([application] if as_application else []))
    sites = shell.state("AZ")["sites"]
    aad, msi = sites["aad-func-4711"]["settings"], sites["msi-func-4711"]["settings"]
    check(shell, aad, msi, fake_id("identity", "msi-func-4711"))
    assert msi["AAD_FUNC_URL"] == "https://aad-func-4711.azurewebsites.net/api/aad-func"
    published = [line for line in shell.recorded if line.startswith("func ")]
    assert published == [
        f"func azure functionapp publish {name} --python" for name in ("aad-func-4711", "msi-func-4711")
    ]
    if as_application:
        trusted = shell.state("AZ")["applications"]["msi-func-dev"]["federated"]["msi-func"]["subject"]
        assert trusted == fake_id("principal", "id-msi-func-federated")
        assert msi["MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"] == fake_id("client", "id-msi-func-federated")
