"""Workflows, editor settings and other project files are consistent with the code and each other."""

import json
import re
import tomllib

import pytest

from tests.support.apps import APP

WORKFLOWS = {path.name: path.read_text() for path in sorted((APP / ".github" / "workflows").glob("*.yml"))}
WORKFLOW = WORKFLOWS["ci.yml"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_to_commits_and_have_only_the_permissions_they_need(name: str):
    workflow = WORKFLOWS[name]
    used = re.findall(r"uses: (\S+)(.*)", workflow)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert workflow.count("actions/checkout@") == workflow.count("persist-credentials: false")
    allowed = "  contents: read\n" + ("  id-token: write\n" if name == "deploy.yml" else "")
    assert re.findall(r"^\s*permissions:\n((?:\s+\S+: \S+\n)+)", workflow, re.MULTILINE) == [allowed]
    assert "secrets." not in workflow


@pytest.mark.parametrize("name", WORKFLOWS)
def test_versions_of_installed_tools_are_pinned(name: str):
    for line in re.findall(r"(?:npm|pip|bicep) install .*", WORKFLOWS[name]):
        assert re.search(r"(@|==|--version v)\d+\.\d+\.\d+$", line), line
    assert all("==" in line for line in (APP / "requirements-ci.txt").read_text().splitlines()[1:])


def test_deployment_starts_only_manually_and_signs_in_without_a_secret():
    workflow = WORKFLOWS["deploy.yml"]
    assert re.search(r"\non:\n  workflow_dispatch:\n(?:    .*\n)+\n", workflow)
    assert "--federated-credential-provider github" in workflow
    assert "tools.doctor" in workflow.partition("azd up")[2]


def test_python_versions_are_the_same_everywhere():
    assert json.loads(re.search(r"python: (\[.*\])", WORKFLOW)[1]) == PYTHONS
    bicep = (APP / "infra" / "main.bicep").read_text()
    assert re.findall(r"^  '(3\.\d+)'$", bicep, re.MULTILINE) == PYTHONS
    project = tomllib.loads((APP / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">={PYTHONS[0]}"
    one = re.search(r"pythonVersion string = '(.*)'", bicep)[1]
    assert f"python:{one}-" in (APP / ".devcontainer" / "devcontainer.json").read_text()
    assert f"PYTHON_VERSION:-{one}" in (APP / "scripts" / "create-function-app.sh").read_text()


def test_each_module_has_a_test_module():
    packages = ("common", "aad_func", "msi_func", "tools", "local_azure")
    modules = [path.relative_to(APP) for package in packages for path in (APP / package).rglob("[a-z]*.py")]
    assert len(modules) > 100
    assert not [path for path in modules if not (APP / "tests" / path.parent / f"test_{path.name}").exists()]


def test_commands_of_the_workflow_exist():
    for command in re.findall(r"- run: (?:\S+/)?(\S+/\S+)", WORKFLOW):
        assert (APP / command).exists(), command
    assert re.search(r"- run: \.ci/run$", WORKFLOW, re.MULTILINE)


def test_dependencies_of_tasks_and_launches_exist():
    tasks = json.loads((APP / ".vscode" / "tasks.json").read_text())["tasks"]
    launches = json.loads((APP / ".vscode" / "launch.json").read_text())["configurations"]
    labels = {task["label"] for task in tasks}
    wanted = {task["dependsOn"] for task in tasks if "dependsOn" in task}
    assert wanted | {launch["preLaunchTask"] for launch in launches} <= labels


@pytest.mark.parametrize("name", ["extensions", "settings", "tasks", "launch"])
def test_editor_files_are_json_without_comments(name: str):
    json.loads((APP / ".vscode" / f"{name}.json").read_text())
