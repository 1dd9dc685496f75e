"""infra/ is well formed, and its names are those of the code, the tenant file, the samples and docs/settings.md."""

import ast
import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local_azure.tenant.loader import load
from msi_func.function import CALL_MODES
from tests.support.apps import APP
from tests.support.bicep import Bicep, BicepError, blank
from tests.support.bicep_deployment import Deployment

INFRA = APP / "infra"
FILES = {path.relative_to(INFRA).as_posix(): Bicep(path) for path in sorted(INFRA.rglob("*.bicep"))}
MAIN = FILES["main.bicep"]
FUNCTION_APP = FILES["modules/function-app.bicep"]

# Names of settings that are not everywhere, and where they belong instead.
PLATFORM = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "WEBSITE_AUTH_ENABLED", "WEBSITE_INSTANCE_ID"}  # Azure sets them
HOST_IN_AZURE = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}
HOST_LOCALLY = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
DESK = {"AZURE_AUTHORITY_HOST"}  # azure-identity's own, for developers' and daemons' credentials
BY_CREDENTIAL = {"AAD_FUNC_CREDENTIAL"}  # DownstreamApi reads it under its prefix
NOT_ON_PAGE = {"WEBSITE_INSTANCE_ID", *DESK}
NOT_IN_BICEP = {"AAD_FUNC_MAX_RESPONSE_BYTES", *PLATFORM, *DESK}  # the default limit fits aad-func's responses


@pytest.mark.parametrize("name", FILES)
def test_all_that_is_used_is_declared_and_all_that_is_declared_is_used(name: str):
    file = FILES[name]
    assert file.declarations
    assert file.undeclared() == set()
    assert file.unused() == set()


@pytest.mark.parametrize("name", FILES)
def test_every_module_is_there_and_gets_what_it_asks_for(name: str):
    file = FILES[name]
    modules = file.named("module")
    for module in modules.values():
        called = Bicep(file.path.parent / module.string)
        given = module.keys("params")
        assert called.path.exists(), module.string
        assert called.required <= given, module.name
        assert given <= called.named("param").keys(), module.name
    for module, output in file.outputs_used():
        assert output in Bicep(file.path.parent / modules[module].string).named("output"), f"{module}.{output}"


def test_every_module_file_is_used():
    used = {
        (file.path.parent / module.string).resolve()
        for file in FILES.values()
        for module in file.named("module").values()
    }
    assert used | {MAIN.path} == {file.path for file in FILES.values()}


def test_every_resource_has_a_type_and_a_version():
    for file in FILES.values():
        for resource in file.named("resource").values():
            nested = resource.body.startswith(" ")
            assert nested or re.fullmatch(r"Microsoft\.[\w./]+@(v1\.0|\d{4}-\d\d-\d\d)", resource.string), resource.name


def test_the_parameters_file_names_parameters_and_leaves_no_required_one_out():
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert MAIN.required <= given.keys() <= MAIN.named("param").keys()
    outputs = MAIN.named("output")
    for parameter in given.values():
        # azd writes outputs where it reads parameters from: one name for both would feed back.
        assert re.fullmatch(r"\$\{([A-Z_]+)(=[\w.]+)?\}", parameter["value"])[1] not in outputs


def test_defaults_are_the_same_with_azd_and_without():
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    for name, parameter in given.items():
        default = parameter["value"].strip("${}").partition("=")[2]
        if name not in MAIN.required:
            assert MAIN.named("param")[name].head.partition("=")[2].strip().strip("'") == default, name


@pytest.mark.parametrize(
    "broken",
    ["param a string\nvar b = 'x\n", "var a = {\n", "var a = ]\n", "var a = '${b'\n", "/* x\n*/ var a = (\n"],
)
def test_the_reader_refuses_what_is_not_well_formed(broken: str, tmp_path: Path):
    file = tmp_path / "broken.bicep"
    file.write_text(broken)
    with pytest.raises(BicepError):
        _ = Bicep(file).declarations


def test_the_reader_sees_what_is_missing_and_what_is_too_much(tmp_path: Path):
    file = tmp_path / "some.bicep"
    file.write_text("param a string // b\nvar c = '${d}-e' /* f */\noutput g string = h.i ? toLower('j') : k\n")
    assert Bicep(file).undeclared() == {"d", "h", "k"}
    assert Bicep(file).unused() == {"a", "c"}
    assert blank("'it\\'s' // x")[1] == ""


def bicep_compiler() -> list[str] | None:
    for name in ("bicep", str(Path.home() / ".azure" / "bin" / "bicep")):
        if found := shutil.which(name):
            return [found, "build", "--stdout"]
    return None


@pytest.mark.skipif(bicep_compiler() is None, reason="no Bicep compiler here; the workflow's bicep job runs it")
def test_the_real_compiler_accepts_it():
    command = bicep_compiler() or []
    done = subprocess.run([*command, str(MAIN.path)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


# Settings.


@functools.cache
def read_by_the_code() -> set[str]:
    """Every setting whose name the app's source reads, `AAD_FUNC` put in for DownstreamApi's prefix."""
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


def setting_keys(text: str) -> set[str]:
    """The keys of all objects in a piece of Bicep, quoted ones included."""
    return {a or b for a, b in re.findall(r"(?:(?<=[\s{])([A-Za-z]\w*)|'([\w.]+)'):", text)}


def in_bicep() -> set[str]:
    services = [MAIN.named("module")[name].object("settings") for name in ("aadFuncSettings", "msiFuncSettings")]
    return set().union(*map(setting_keys, services), host_settings())


def host_settings() -> set[str]:
    return setting_keys(FUNCTION_APP.named("output")["hostSettings"].body)


def in_sample() -> set[str]:
    return set(json.loads((APP / "local.settings.sample.json").read_text())["Values"])


def in_settings_page() -> dict[str, str]:
    """The names in the table of docs/settings.md, with their default."""
    table = (APP / "docs" / "settings.md").read_text().split("\n## ")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines() if row.startswith("|")]
    return {name: default for names, _, default, _ in rows[2:] for name in names.split(", ")}


DISABLED = {f"AzureWebJobs.{name}.Disabled" for name in ("aad_func", "msi_func")}


def test_every_setting_that_the_code_reads_is_documented_and_no_other():
    assert read_by_the_code() - NOT_ON_PAGE == in_settings_page().keys() - DISABLED


def test_every_setting_that_the_code_reads_is_in_bicep_and_no_other():
    assert in_bicep() == (read_by_the_code() - NOT_IN_BICEP) | DISABLED | HOST_IN_AZURE | BY_CREDENTIAL
    assert host_settings() == HOST_IN_AZURE


def test_the_sample_settings_have_what_has_no_default_and_nothing_that_the_code_does_not_read():
    required = {name for name, default in in_settings_page().items() if default == "required"}
    assert required <= in_sample()
    assert in_sample() - HOST_LOCALLY <= read_by_the_code()


def test_http_concurrency_is_set_for_both_apps_within_the_platforms_limits():
    limits = re.search(
        r"@minValue\((\d+)\)\n@maxValue\((\d+)\)\n.*\nparam perInstanceConcurrency int = (\d+)", MAIN.text
    )
    assert limits
    least, most, default = map(int, limits.groups())
    assert (least, most) == (1, 1000)
    assert least < default <= most  # 1 is the platform's own default for Python
    for name in ("aadFunc", "msiFunc"):
        assert "perInstanceConcurrency: perInstanceConcurrency" in MAIN.named("module")[name].body
    # Azure Resource Manager: functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency
    triggers = FUNCTION_APP.named("resource")["site"].object("scaleAndConcurrency")
    assert re.search(r"triggers: {\s+http: {\s+perInstanceConcurrency: perInstanceConcurrency\s+}\s+}", triggers)


def test_call_modes_are_those_of_the_code_and_default_to_app():
    allowed = re.search(r"@allowed\(\[([^\]]*)\]\)\n@description\([^\n]*\)\nparam callModes string = 'app'", MAIN.text)
    assert allowed
    for modes in re.findall(r"'([^']*)'", allowed[1]):
        assert set(modes.split(",")) <= set(CALL_MODES), modes
    assert "MSI_FUNC_CALL_MODES: callModes" in MAIN.named("module")["msiFuncSettings"].object("settings")


def test_aad_func_relies_on_easy_auth_only_if_it_is_deployed():
    assert "AAD_FUNC_AUTHENTICATION: easyAuth ? 'easy_auth' : 'token'" in MAIN.named("module")["aadFuncSettings"].body
    assert "enabled: easyAuth" in MAIN.named("module")["aadFuncEasyAuth"].body


def test_no_platform_setting_is_set_by_us():
    assert not PLATFORM & in_bicep()


def test_an_optional_setting_is_left_out_where_it_has_no_value():
    required = {"environmentName": "dev", "location": "westeurope"}
    for parameter, setting in (("audiences", "AAD_FUNC_AUDIENCES"), ("allowedCallers", "AAD_FUNC_ALLOWED_CALLERS")):
        for given in ("", "value"):
            deployment = Deployment(MAIN.path, {**required, parameter: given})
            settings = deployment.settings(deployment.outputs["AAD_FUNC_NAME"])
            assert settings.get(setting, "") == given


# Names.


def test_each_app_runs_one_function_the_other_is_switched_off():
    functions = {}
    for package in ("aad_func", "msi_func"):
        for node in ast.walk(ast.parse((APP / package / "function.py").read_text())):
            if isinstance(node, ast.AsyncFunctionDef):
                keywords = [
                    word for call in node.decorator_list if isinstance(call, ast.Call) for word in call.keywords
                ]
                functions |= {word.value.value: node.name for word in keywords if word.arg == "route"}
    assert functions == {"aad-func": "aad_func", "msi-func": "msi_func"}
    for module, service, other in (("aadFunc", "aad-func", "msi-func"), ("msiFunc", "msi-func", "aad-func")):
        assert f"serviceName: '{service}'" in MAIN.named("module")[module].body
        declared = MAIN.named("module")[f"{module}Settings"]
        assert f"siteName: {module}.outputs.name" in declared.body
        assert f"'AzureWebJobs.{functions[other]}.Disabled': 'true'" in declared.body
        assert f"'AzureWebJobs.{functions[service]}.Disabled'" not in declared.body


def test_azure_yaml_deploys_both_services_from_this_folder():
    text = (APP / "azure.yaml").read_text()
    services = re.findall(
        r"^  ([\w-]+):\n    project: \.\n    language: python\n    host: function$", text, re.MULTILINE
    )
    tags = re.findall(r"serviceName: '([\w-]+)'", MAIN.text)
    assert sorted(services) == sorted(tags) == ["aad-func", "msi-func"]
    assert "'azd-service-name': serviceName" in FUNCTION_APP.text
    assert f"https://${{aadFunc.outputs.hostName}}/api/{services[0]}'" in MAIN.text


def test_role_and_scope_are_those_of_the_code_and_of_the_local_tenant():
    (app,) = [app for app in load().applications if app.name == "aad-func"]
    (role,), (scope,) = app.app_roles, app.scopes
    authorization = (APP / "aad_func" / "authorization.py").read_text()
    for declared, setting, value in (
        ("param appRoles string", "ROLE", role.value),
        ("var scope", "SCOPE", scope.value),
    ):
        assert f"{declared} = '{value}'" in MAIN.text
        assert f'"AAD_FUNC_REQUIRED_{setting}", "{value}"' in authorization
        assert f"| {value} |" in (APP / "docs" / "settings.md").read_text()
    registration = FILES["modules/registration.bicep"].text
    for member in role.member_types:
        assert f"'{member}'" in registration
    for client in app.pre_authorized_clients:
        assert f"'{client}'" in registration
    for claim in app.optional_claims:
        assert f"name: '{claim}'" in registration
    assert "requestedAccessTokenVersion: tokenVersion" in registration
    assert f"param tokenVersion int = {app.token_version}" in MAIN.text
