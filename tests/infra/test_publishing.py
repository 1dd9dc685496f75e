"""azd and func publish only the app, and its dependencies are pinned with hashes."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.apps import APP

FUNCIGNORE = (APP / ".funcignore").read_text()
DEPLOYED = {"aad_func", "common", "msi_func", "function_app.py", "host.json", "requirements.txt"}
# Files that a clone can contain and that must not be published.
PRIVATE = [
    *(".env", ".env.production", "token.txt", "server.pem", "id_rsa", "notes", "local.settings.json", ".funcignore"),
    *("venv/bin/python", ".venv/pyvenv.cfg", ".local_azure/ca.pem", "other-state/keys.json", ".azure/dev/.env"),
    *(".git/config", "tests/test_docs.py", "infra/main.bicep", "scripts/assign-role.sh", "tools/token.py"),
    *("aad_func/token.txt", "aad_func/.env", "msi_func/page/token.txt", "common/server.pem", "aad_func/keys/a.py"),
    *("aad_func/__pycache__/function.cpython-312.pyc", "msi_func/page/__pycache__/__init__.cpython-312.pyc"),
    *("requirements-dev.txt", "requirements.in", "aad_func_old/function.py", "old/function_app.py"),
]


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=APP, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() or pytest.skip("not a git checkout")


def published_by_azd(files: list[str], folder: Path) -> set[str]:
    """Return the files that azd would publish.

    azd treats .funcignore like .gitignore: the last match wins, and an ignored folder is skipped as a whole.

    https://github.com/Azure/azure-dev/blob/main/cli/azd/pkg/project/project_utils.go
    """
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / ".gitignore").write_text(FUNCIGNORE)
    command = [
        "git",
        "-c",
        "core.excludesFile=",
        "check-ignore",
        "--no-index",
        "--stdin",
        "--non-matching",
        "--verbose",
    ]
    done = subprocess.run(command, cwd=folder, input="\n".join(files), capture_output=True, text=True, check=False)
    ignored = set()
    for line in done.stdout.splitlines():
        rule, _, file = line.partition("\t")
        pattern = rule.split(":", 2)[2]
        if pattern and not pattern.startswith("!"):
            ignored.add(file)
    return set(files) - ignored


def published_by_func(files: list[str]) -> set[str]:
    """Return the files that func would publish.

    func matches the beginning of paths, and an exception always wins.

    https://github.com/Azure/azure-functions-core-tools/blob/main/src/Azure.Functions.Cli/Common/GitIgnoreParser.cs
    """
    patterns = [line for line in FUNCIGNORE.splitlines() if line and not line.startswith("#")]

    def matches(file: str, chosen: list[str]) -> bool:
        expressions = [re.escape(text.lstrip("/")).replace(r"\*", "[^/]+") for text in chosen]
        return any(re.match(expression, file) for expression in expressions)

    ignored = [text for text in patterns if not text.startswith("!")]
    exceptions = [text[1:] for text in patterns if text.startswith("!")]
    return {file for file in files if matches(file, exceptions) or not matches(file, ignored)}


@pytest.mark.parametrize("tool", ["azd", "func"])
def test_only_the_app_is_published(tool: str, tmp_path: Path):
    files = sorted({*tracked(), *PRIVATE})
    published = published_by_azd(files, tmp_path) if tool == "azd" else published_by_func(files)
    assert published == {file for file in tracked() if file.split("/")[0] in DEPLOYED}
    assert {file.split("/")[0] for file in published} == DEPLOYED
    assert "msi_func/page/index.html" in published


def test_responses_have_hsts():
    assert json.loads((APP / "host.json").read_text())["extensions"]["http"]["hsts"] == {
        "isEnabled": True,
        "maxAge": "365",
    }


def requirements(name: str) -> list[Requirement]:
    """Return the requirements of a file, without hashes."""
    text = re.sub(r"\s*\\\n\s*--hash=\S+", "", (APP / name).read_text())
    return [Requirement(line.partition("#")[0]) for line in text.splitlines() if line.partition("#")[0].strip()]


def test_each_deployed_dependency_is_pinned_to_one_version_with_hashes():
    text = (APP / "requirements.txt").read_text()
    entries = re.split(r"\n(?=[a-z])", text.partition("\n")[2].strip())
    assert len(entries) > 15
    for entry in entries:
        first, *hashes = entry.split("\\\n")
        assert re.fullmatch(r"[a-z0-9-]+==[\d.]+( ; [^\\]+)? ?", first), first
        assert hashes
        assert all(re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64} ?", each) for each in hashes), first


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_pinned_versions_are_allowed_by_requirements_in(python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}

    def applying(name: str) -> list[Requirement]:
        return [each for each in requirements(name) if not each.marker or each.marker.evaluate(environment)]

    pinned = {each.name: str(each.specifier).removeprefix("==") for each in applying("requirements.txt")}
    allowed = applying("requirements.in")
    assert len(allowed) == 6
    for each in allowed:
        assert each.specifier.contains(pinned[each.name]), each
