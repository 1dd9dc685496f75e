"""infra/ is well formed and consistent with the code, the tenant file, the sample settings and docs/settings.md."""

import ast
import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local_azure.tenant.loader import load
from msi_func.function import CALL_MODES
from tests.support.apps import APP
from tests.support.bicep import Bicep, passed
from tests.support.bicep_deployment import Deployment
from tests.support.bicep_tokens import BicepSyntaxError

INFRA = APP / "infra"
FILES = {path.relative_to(INFRA).as_posix(): Bicep(path) for path in sorted(INFRA.rglob("*.bicep"))}
MAIN = FILES["main.bicep"]
REQUIRED = {"environmentName": "dev", "location": "westeurope"}
DEPLOYED = Deployment(MAIN.path, REQUIRED)
# Together, these deployments have every setting of the template.
COMBINATIONS = [
    {"callerIdentity": "user", "audiences": "api://orders", "allowedCallers": "client"},
    {"callAs": "application", "roleAssignment": "setting", "assignmentRequired": False},
]

# Settings that are intentionally missing in some places.
PLATFORM = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "WEBSITE_AUTH_ENABLED", "WEBSITE_INSTANCE_ID"}  # set by Azure
HOST_IN_AZURE = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}
HOST_LOCALLY = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
LOCAL_ONLY = {"AZURE_AUTHORITY_HOST"}  # read by azure-identity for credentials other than managed identities
NOT_ON_PAGE = {"WEBSITE_INSTANCE_ID", *LOCAL_ONLY}
NOT_IN_BICEP = {"AAD_FUNC_MAX_RESPONSE_BYTES", *PLATFORM, *LOCAL_ONLY}  # the default limit fits aad-func's responses


@pytest.mark.parametrize("name", FILES)
def test_used_names_are_declared_and_declared_names_are_used(name: str):
    file = FILES[name]
    assert file.declarations
    assert file.undeclared() == set()
    assert file.unused() == set()


@pytest.mark.parametrize("name", FILES)
def test_every_module_exists_and_gets_its_required_parameters(name: str):
    file = FILES[name]
    modules = file.named("module")
    for module in modules.values():
        called = Bicep(file.path.parent / module.type)
        given = passed(module)
        assert called.path.exists(), module.type
        assert called.required <= given, module.name
        assert given <= called.named("param").keys(), module.name
    for module, output in file.outputs_used():
        assert output in Bicep(file.path.parent / modules[module].type).named("output"), f"{module}.{output}"


def test_every_module_file_is_used():
    used = {
        (file.path.parent / module.type).resolve()
        for file in FILES.values()
        for module in file.named("module").values()
    }
    assert used | {MAIN.path} == {file.path for file in FILES.values()}


def test_every_resource_has_a_type_and_a_version():
    for file in FILES.values():
        for resource in file.named("resource").values():
            nested = any(resource in parent.nested for parent in file.named("resource").values())
            assert nested or re.fullmatch(r"Microsoft\.[\w./]+@(v1\.0|\d{4}-\d\d-\d\d)", resource.type), resource.name


def test_parameters_file_sets_every_required_parameter_and_no_unknown_one():
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert MAIN.required <= given.keys() <= MAIN.named("param").keys()
    outputs = MAIN.named("output")
    for parameter in given.values():
        # azd stores outputs in the environment from which it reads parameters, so their names must differ.
        assert re.fullmatch(r"\$\{([A-Z_]+)(=[\w.]+)?\}", parameter["value"])[1] not in outputs


def test_parameters_file_has_the_defaults_of_the_template():
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    for name, parameter in given.items():
        default = parameter["value"].strip("${}").partition("=")[2]
        if name not in MAIN.required:
            assert str(MAIN.default(name)) in (default, default.capitalize()), name


@pytest.mark.parametrize(
    "broken",
    ["param a string\nvar b = 'x\n", "var a = {\n", "var a = ]\n", "var a = '${b'\n", "/* x\n*/ var a = (\n"],
)
def test_parser_rejects_files_that_are_not_well_formed(broken: str, tmp_path: Path):
    file = tmp_path / "broken.bicep"
    file.write_text(broken)
    with pytest.raises(BicepSyntaxError):
        _ = Bicep(file).declarations


def test_parser_finds_undeclared_and_unused_names(tmp_path: Path):
    file = tmp_path / "some.bicep"
    file.write_text("param a string // b\nvar c = '${d}-e' /* f */\noutput g string = h.i ? toLower('j') : k\n")
    assert Bicep(file).undeclared() == {"d", "h", "k"}
    assert Bicep(file).unused() == {"a", "c"}
    other = tmp_path / "other.bicep"
    other.write_text("var a = 'it\\'s' // x\noutput b string = lower(a)\n")
    assert Bicep(other).undeclared() == {"lower"}


# Read before the fixture few_roots replaces the CA bundles, because the compiler downloads an extension.
ENVIRONMENT = dict(os.environ)


def bicep_compiler() -> list[str] | None:
    for name in ("bicep", str(Path.home() / ".azure" / "bin" / "bicep")):
        if found := shutil.which(name):
            return [found, "build", "--stdout"]
    return None


@pytest.mark.skipif(bicep_compiler() is None, reason="Bicep is not installed; the workflow's bicep job runs it")
def test_bicep_compiler_accepts_the_template():
    command = bicep_compiler() or []
    done = subprocess.run(
        [*command, str(MAIN.path)], env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


@functools.cache
def read_by_the_code() -> set[str]:
    """Return the settings that the app's source reads, with `AAD_FUNC` as DownstreamApi's prefix."""
    found = set()
    for package in ("common", "msi_func", "aad_func"):
        for path in (APP / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    found |= _name(node.args[0])
                if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                    found |= _name(node.slice)
    return found


def _name(node: ast.expr) -> set[str]:
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "AAD_FUNC" for part in node.values]
        node = ast.Constant("".join(map(str, parts)))
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[A-Z]+(_[A-Z]+)+", node.value):
        return {node.value} - {"AAD_FUNC"}
    return set()


def in_bicep() -> set[str]:
    deployments = [Deployment(MAIN.path, {**REQUIRED, **more}) for more in COMBINATIONS]
    names = ("AAD_FUNC_NAME", "MSI_FUNC_NAME")
    return {setting for each in deployments for name in names for setting in each.settings(each.outputs[name])}


def host_settings() -> set[str]:
    return set(DEPLOYED.value("aadFunc").outputs["hostSettings"])


def in_sample() -> set[str]:
    return set(json.loads((APP / "local.settings.sample.json").read_text())["Values"])


def in_settings_page() -> dict[str, str]:
    """Return the default of each setting listed in docs/settings.md."""
    listed = re.findall(r"^- (\w.*?) \((.*?)\): ", (APP / "docs" / "settings.md").read_text(), re.MULTILINE)
    return {name: default for names, default in listed for name in names.split(", ")}


DISABLED = {f"AzureWebJobs.{name}.Disabled" for name in ("aad_func", "msi_func")}


def test_documented_settings_are_those_that_the_code_reads():
    assert read_by_the_code() - NOT_ON_PAGE == in_settings_page().keys() - DISABLED


def test_settings_in_bicep_are_those_that_the_code_reads():
    assert in_bicep() == (read_by_the_code() - NOT_IN_BICEP) | DISABLED | HOST_IN_AZURE
    assert host_settings() == HOST_IN_AZURE


def test_sample_settings_have_every_required_setting_and_no_unknown_one():
    required = {name for name, default in in_settings_page().items() if default == "required"}
    assert required <= in_sample()
    assert in_sample() - HOST_LOCALLY <= read_by_the_code()


def test_http_concurrency_of_both_apps_is_within_the_platforms_limits():
    limits = MAIN.named("param")["perInstanceConcurrency"].decorators
    least, most = limits["minValue"][0][1], limits["maxValue"][0][1]
    assert (least, most) == (1, 1000)
    assert least < MAIN.default("perInstanceConcurrency") <= most  # The platform's default for Python is 1.
    sites = Deployment(MAIN.path, {**REQUIRED, "perInstanceConcurrency": 17}).of_type("Microsoft.Web/sites")
    assert len(sites) == 2
    for site in sites:
        scale = site.body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        assert scale["triggers"] == {"http": {"perInstanceConcurrency": 17}}


def test_call_modes_are_those_of_the_code_and_default_to_app():
    for modes in MAIN.allowed("callModes"):
        assert set(modes.split(",")) <= set(CALL_MODES), modes
        deployed = Deployment(MAIN.path, {**REQUIRED, "callModes": modes})
        assert deployed.settings(deployed.outputs["MSI_FUNC_NAME"])["MSI_FUNC_CALL_MODES"] == modes
    assert MAIN.default("callModes") == "app"


def test_template_sets_no_platform_settings():
    assert not PLATFORM & in_bicep()


def test_optional_setting_without_a_value_is_omitted():
    for parameter, setting in (("audiences", "AAD_FUNC_AUDIENCES"), ("allowedCallers", "AAD_FUNC_ALLOWED_CALLERS")):
        for given in ("", "value"):
            deployment = Deployment(MAIN.path, {**REQUIRED, parameter: given})
            settings = deployment.settings(deployment.outputs["AAD_FUNC_NAME"])
            assert settings.get(setting, "") == given


def test_each_app_disables_the_other_apps_function():
    functions = {}
    for package in ("aad_func", "msi_func"):
        for node in ast.walk(ast.parse((APP / package / "function.py").read_text())):
            if isinstance(node, ast.AsyncFunctionDef):
                keywords = [
                    word for call in node.decorator_list if isinstance(call, ast.Call) for word in call.keywords
                ]
                functions |= {word.value.value: node.name for word in keywords if word.arg == "route"}
    assert functions == {"aad-func": "aad_func", "msi-func": "msi_func"}
    for service, other in (("aad-func", "msi-func"), ("msi-func", "aad-func")):
        (site,) = [each for each in DEPLOYED.of_type("Microsoft.Web/sites") if each.name.startswith(service)]
        assert site.body["tags"]["azd-service-name"] == service
        disabled = {name for name in DEPLOYED.settings(site.name) if name.endswith(".Disabled")}
        assert disabled == {f"AzureWebJobs.{functions[other]}.Disabled"}


def test_azure_yaml_deploys_both_services_from_this_folder():
    text = (APP / "azure.yaml").read_text()
    services = re.findall(
        r"^  ([\w-]+):\n    project: \.\n    language: python\n    host: function$", text, re.MULTILINE
    )
    tags = [site.body["tags"]["azd-service-name"] for site in DEPLOYED.of_type("Microsoft.Web/sites")]
    assert sorted(services) == sorted(tags) == ["aad-func", "msi-func"]
    assert DEPLOYED.outputs["AAD_FUNC_URL"].endswith(f"/api/{services[0]}")


def test_role_and_scope_match_the_code_and_the_local_tenant():
    (app,) = [app for app in load().applications if app.name == "aad-func"]
    (role,), (scope,) = app.app_roles, app.scopes
    authorization = (APP / "aad_func" / "authorization.py").read_text()
    settings = DEPLOYED.settings(DEPLOYED.outputs["AAD_FUNC_NAME"])
    for setting, value in (("ROLE", role.value), ("SCOPE", scope.value)):
        assert settings[f"AAD_FUNC_REQUIRED_{setting}"] == value
        assert f'"AAD_FUNC_REQUIRED_{setting}", "{value}"' in authorization
        assert f" ({value}): " in (APP / "docs" / "settings.md").read_text()
    registration = FILES["modules/registration.bicep"].text
    for member in role.member_types:
        assert f"'{member}'" in registration
    for client in app.pre_authorized_clients:
        assert f"'{client}'" in registration
    for claim in app.optional_claims:
        assert f"name: '{claim}'" in registration
    (deployed,) = DEPLOYED.of_type("Microsoft.Graph/applications")
    assert deployed.body["api"]["requestedAccessTokenVersion"] == app.token_version
