"""The deployment pages refer to existing settings, outputs and scripts, and use existing command-line options."""

import functools
import json
import re
import shutil
import subprocess

import pytest

from local_azure.tenant.loader import load
from msi_func.http_session import MAX_CONNECTIONS
from tests.infra.test_bicep import HOST_IN_AZURE, in_bicep, in_settings_page, read_by_the_code
from tests.support.apps import APP
from tests.support.bicep import Bicep
from tools.diagnosis.msi_func import KEY

DEPLOY = (APP / "docs" / "deploy.md").read_text()
OPTIONS = (APP / "docs" / "deploy-options.md").read_text()
BOTH = DEPLOY + OPTIONS
CONCEPTS = (APP / "docs" / "concepts.md").read_text()
SCRIPTS = {path.name: path.read_text() for path in (APP / "scripts").glob("*.sh")}
MAIN = Bicep(APP / "infra" / "main.bicep")
PARAMETERS = json.loads((APP / "infra" / "main.parameters.json").read_text())["parameters"]
(AAD_FUNC,) = [app for app in load().applications if app.name == "aad-func"]

# Options of tools that are not installed here. func: PublishFunctionAppAction in Azure/azure-functions-core-tools;
# azd: the usage snapshots of its tests (Azure/azure-dev, cli/azd/cmd/testdata).
DOCUMENTED = {
    "func azure functionapp publish": {"--python"},
    "azd up": set(),
    "azd auth login": set(),
    "azd deploy": set(),
    "azd env new": set(),
    "azd env set": set(),
    "azd env get-value": set(),
    "azd down": {"--force", "--purge"},
}


def commands(text: str) -> list[str]:
    """Return the lines of a shell script without comments, with continued lines joined."""
    return re.sub(r"(^|\s)#.*", "", re.sub(r"\\\n\s*", "", text), flags=re.MULTILINE).splitlines()


def shell(text: str) -> str:
    """Return the shell blocks and inline code of a page."""
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *inline])


SHELL = [*commands(shell(BOTH)), *commands("\n".join(SCRIPTS.values()))]


def calls(tool: str) -> set[tuple[str, tuple[str, ...]]]:
    """Return (command, options) for each use of `tool`."""
    found = set()
    for line in SHELL:
        for call in re.findall(rf"(?<![\w./-]){tool} [a-z][^|;)]*", re.sub(r"\"[^\"]*\"|'[^']*'", "X", _inner(line))):
            words = call.split()
            names = [word for word in words[: _first_option(words)] if re.fullmatch("[a-z][a-z-]*", word)]
            found.add((" ".join(names), tuple(sorted({word for word in words if re.fullmatch("--[a-z-]+", word)}))))
    return found


def _inner(line: str) -> str:
    # A command substitution inside a string is a separate command.
    inner = re.findall(r"\"[^\"]*\$\(([^()]*)\)[^\"]*\"", line)
    return " ; ".join([re.sub(r"\$\([^()]*\)", "X", line), *inner]) if inner else line


def _first_option(words: list[str]) -> int:
    return next((n for n, word in enumerate(words) if not re.fullmatch("[a-z][a-z-]*", word)), len(words))


def test_az_commands_are_found():
    named = {name for name, _ in calls("az")}
    assert {"az rest", "az account show", "az functionapp create", "az functionapp function keys list"} <= named


@functools.cache
def az_help(command: str) -> str:
    done = subprocess.run([*command.split(), "--help"], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout


@pytest.mark.skipif(shutil.which("az") is None, reason="az is not installed")
@pytest.mark.parametrize(("command", "options"), sorted(calls("az")), ids=lambda value: str(value)[:60])
def test_az_has_every_used_option(command: str, options: tuple[str, ...]):
    known = set(re.findall(r"--[a-z][a-z-]*", az_help(command)))
    assert known, f"no such command: {command}"
    assert set(options) <= known


@pytest.mark.parametrize("tool", ["func", "azd"])
def test_func_and_azd_are_used_as_documented(tool: str):
    used = {(name, options) for name, options in calls(tool) if name != "func start"}
    assert used
    for name, options in used:
        (command,) = [known for known in DOCUMENTED if name == known or name.startswith(f"{known} ")]
        assert set(options) <= DOCUMENTED[command], name


def test_mentioned_scripts_exist():
    for name in re.findall(r"scripts/([\w-]+\.\w+)", BOTH):
        assert name in SCRIPTS


def test_deployment_docs_stay_within_their_line_limits():
    assert len(DEPLOY.splitlines()) <= 120
    assert len(BOTH.splitlines()) <= 345


def test_documented_choices_and_defaults_are_those_of_the_parameters_file():
    listed = dict(re.findall(r"^- ([A-Z_]+)(?: \((.*?)\))?: ", DEPLOY, re.MULTILINE))
    passed = {}
    for parameter in PARAMETERS.values():
        name, _, default = parameter["value"].strip("${}").partition("=")
        passed[name] = default
    assert listed.keys() == passed.keys() - {"AZURE_ENV_NAME", "AZURE_LOCATION"}
    for name, default in listed.items():
        assert default == passed[name] or name == "EXISTING_APP_ID_URI"
    assert listed["EXISTING_APP_ID_URI"] == "`api://<client ID>`"


def test_mentioned_outputs_exist():
    named = set(re.findall(r"azd env get-value ([A-Z_]+)", BOTH))
    assert {"MSI_FUNC_NAME", "RESOURCE_GROUP"} <= named <= MAIN.named("output").keys()
    hooks = "".join(text for name, text in SCRIPTS.items() if name.startswith("azd-"))
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", hooks)) - {"ROLE_ASSIGNMENT", "AZURE_ENV_NAME", "MSI_FUNC_KEY"}
    assert used <= MAIN.named("output").keys()


def test_mentioned_settings_exist():
    known = read_by_the_code() | in_settings_page().keys() | HOST_IN_AZURE | MAIN.named("output").keys() | {KEY}
    for text in (BOTH, CONCEPTS):
        for name in re.findall(r"\b(?:AAD_FUNC|MSI_FUNC|ENTRA|AzureWebJobs)[\w.]*\w", text):
            assert name in known, name


def test_manual_deployment_docs_set_every_required_setting():
    page = OPTIONS.split("## With az and func")[1].split("\n## In the portal")[0]
    portal = OPTIONS.split("## In the portal")[1].split("\n## ")[0]
    required = {
        name for name, default in in_settings_page().items() if default == "required" or name.endswith(".Disabled")
    }
    assert required <= in_bicep()
    for name in required:
        assert f"{name}=" in page, name
        assert re.search(rf"{re.escape(name)}\b", portal), name


def test_publish_commands_name_the_language():
    """func cannot detect the language without local.settings.json."""
    readme = (APP / "README.md").read_text()
    for line in [*SHELL, *commands(shell(readme))]:
        assert "functionapp publish" not in line or line.endswith(" --python"), line


def test_documented_limits_of_an_instance_match_the_code():
    default = MAIN.default("perInstanceConcurrency")
    assert f"PER_INSTANCE_CONCURRENCY, {default} by default" in OPTIONS
    assert f"at most {MAX_CONNECTIONS} connections per process to each host" in OPTIONS


def test_documented_role_scope_and_clients_match_the_local_tenant():
    portal = OPTIONS.split("## In the portal")[1].split("\n## ")[0]
    for name in (AAD_FUNC.app_roles[0].value, AAD_FUNC.scopes[0].value, *AAD_FUNC.optional_claims):
        assert f"`{name}`" in portal
    assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", portal)) == set(
        AAD_FUNC.pre_authorized_clients
    )
    assert f'"requestedAccessTokenVersion": {AAD_FUNC.token_version}' in portal
    assert f"{AAD_FUNC.app_roles[0].value}`" in CONCEPTS
    assert f"{AAD_FUNC.scopes[0].value}`" in CONCEPTS


def test_ids_in_concepts_match_the_local_tenant():
    tenant = (APP / "local_azure" / "tenant.json").read_text()
    ids = set(re.findall(r"\b([0-9a-f]{8}-[0-9a-f]{4})-…", CONCEPTS))
    assert len(ids) == 5
    for each in ids:
        assert f'"{each}-' in tenant, each
