"""What stands around the code - workflow, editor, what is deployed - fits the code and itself."""

import fnmatch
import json
import re
import subprocess
import tomllib

import pytest

from tests.support.apps import APP

WORKFLOW = (APP / ".github" / "workflows" / "ci.yml").read_text()
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=APP, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() or pytest.skip("not a git checkout")


def test_actions_are_pinned_to_commits_and_may_only_read():
    used = re.findall(r"uses: (\S+)(.*)", WORKFLOW)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert WORKFLOW.count("actions/checkout@") == WORKFLOW.count("persist-credentials: false")
    assert re.findall(r"^\s*permissions:\n((?:\s+\S+: \S+\n)+)", WORKFLOW, re.MULTILINE) == ["  contents: read\n"]
    assert "${{ secrets." not in WORKFLOW


def test_the_same_python_versions_everywhere():
    assert json.loads(re.search(r"python: (\[.*\])", WORKFLOW)[1]) == PYTHONS
    bicep = (APP / "infra" / "main.bicep").read_text()
    assert re.findall(r"^  '(3\.\d+)'$", bicep, re.MULTILINE) == PYTHONS
    project = tomllib.loads((APP / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">={PYTHONS[0]}"
    one = re.search(r"pythonVersion string = '(.*)'", bicep)[1]
    assert f"python:{one}-" in (APP / ".devcontainer" / "devcontainer.json").read_text()
    assert f"PYTHON_VERSION:-{one}" in (APP / "scripts" / "create-function-app.sh").read_text()


def test_what_the_workflow_runs_is_there():
    for command in re.findall(r"- run: (?:\S+/)?(\S+/\S+)", WORKFLOW):
        assert (APP / command).exists(), command
    assert re.search(r"- run: \.ci/run$", WORKFLOW, re.MULTILINE)


def test_what_is_deployed_is_the_app_and_nothing_else():
    ignored = (APP / ".funcignore").read_text().split()
    deployed = {path.split("/")[0] for path in tracked()}
    deployed = {name for name in deployed if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)}
    app = {"aad_func", "common", "msi_func", "function_app.py", "host.json", "requirements.txt"}
    assert app <= deployed <= app | {"tools", "README.md", "LICENSE", ".funcignore"}


def test_every_debugging_task_starts_what_it_depends_on():
    tasks = json.loads((APP / ".vscode" / "tasks.json").read_text())["tasks"]
    launches = json.loads((APP / ".vscode" / "launch.json").read_text())["configurations"]
    labels = {task["label"] for task in tasks}
    wanted = {task["dependsOn"] for task in tasks if "dependsOn" in task}
    assert wanted | {launch["preLaunchTask"] for launch in launches} <= labels


@pytest.mark.parametrize("name", ["extensions", "settings", "tasks", "launch"])
def test_editor_files_are_plain_json(name: str):
    json.loads((APP / ".vscode" / f"{name}.json").read_text())
