"""The documentation matches the code: its examples run, and its tables are complete."""

import ast
import asyncio
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import requests

from common.problems import PROBLEM_TYPES
from common.remediations import REMEDIATIONS, VALIDATION_STEPS
from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from local_azure.testing import LocalTenant
from msi_func import entra_errors, http_client, http_session, token_errors
from msi_func.bearer_token_auth import BearerTokenAuth
from msi_func.downstream import DownstreamApi
from msi_func.user_assertion import UserAssertion
from tests.support import apps
from tests.support.caller import Caller, caller, token_reply
from tests.support.forge import CALLER
from tests.support.scripted import Reply, Request, Scripted, as_json
from tests.support.users import DEVELOPER, ON_BEHALF_OF
from tests.support.wire import Call, send

__all__ = ["caller"]

EXTENDING = (apps.APP / "docs" / "extending.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)
TROUBLESHOOTING = (apps.APP / "docs" / "troubleshooting.md").read_text()


def example(containing: str) -> str:
    (found,) = [block for block in EXAMPLES if containing in block]
    return found


async def execute(source: str, names: dict[str, Any]) -> None:
    """Run an example, which can use `await`, and add the names that it assigns to `names`."""
    code = compile(source, "docs/extending.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


def test_docs_have_the_12_examples_that_tests_run():
    assert len(EXAMPLES) == 12


def test_second_protected_function_takes_at_most_five_lines(
    tmp_path: Path, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    lines = example("@blueprint.route")
    assert len(lines.splitlines()) <= 5
    for package in ("aad_func", "msi_func", "common"):
        shutil.copytree(apps.APP / package, tmp_path / package)
    for file in ("host.json", "function_app.py"):
        shutil.copy(apps.APP / file, tmp_path)
    with (tmp_path / "aad_func" / "function.py").open("a") as file:
        file.write(f"\n\n{lines}")

    def call(host: apps.Host, role: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {local_azure.token('aad-func', roles=[role])}"}
        return requests.get(host.url("orders"), headers=headers, timeout=30)

    with apps.running(apps.aad_settings(local_azure_server), folder=tmp_path) as host:
        assert call(host, "Orders.Read").json() == {"orders": [], "for": "1de00001-c11d-4000-8000-000000000000"}
        assert call(host, "DoAll").json()["code"] == "missing_role"
        assert requests.get(host.url("orders"), timeout=30).json()["code"] == "missing_token"


def test_app_and_tests_of_the_examples_work_in_an_empty_folder(tmp_path: Path):
    section = EXTENDING.partition("## Start your own app\n")[2].partition("\n## ")[0]
    copy, *_ = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    subprocess.run(["sh", "-euc", copy], cwd=tmp_path, env={**os.environ, "CLONE": str(apps.APP)}, check=True)
    (host_json,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    (tmp_path / "host.json").write_text(host_json)
    (tmp_path / "function_app.py").write_text(example("create_order"))
    (tmp_path / "test_orders.py").write_text(example("import pytest"))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]  # Hypothesis takes a second to load.
    command = [sys.executable, "-m", "pytest", *options, "test_orders.py"]
    with apps.clean_environment():
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed in" in done.stdout  # without warnings


@pytest.fixture
def asgi_folder(tmp_path: Path) -> Path:
    (tmp_path / "api.py").write_text(example("Starlette("))
    (tmp_path / "function_app.py").write_text(example("AsgiFunctionApp"))
    shutil.copy(apps.APP / "host.json", tmp_path)
    return tmp_path


def orders_from(origin: str, *tokens: str) -> str:
    """Return the outcome of a request with one Authorization header per token."""
    response = send(f"{origin}/api/orders", Call(tuple(("Authorization", f"Bearer {token}") for token in tokens)))
    body = json.loads(response.body)
    assert response.status == 200 or len(response.all("WWW-Authenticate")) == 1
    return body.get("code") or body["for"]


@pytest.mark.parametrize("served_by", ["uvicorn", "Functions host"])
def test_asgi_app_is_protected(
    served_by: str, asgi_folder: Path, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    token = local_azure.token("aad-func", roles=["Orders.Read"])
    settings = apps.aad_settings(local_azure_server)
    with apps.serving(served_by, asgi_folder, settings) as origin:
        assert orders_from(origin, token) == CALLER
        assert orders_from(origin, local_azure.token("aad-func")) == "missing_role"
        assert orders_from(origin) == "missing_token"
        assert orders_from(origin, token, token) == "malformed_token"


def graph_response(request: Request) -> Reply:
    """Return Microsoft Graph's responses to the requests of the examples."""
    if request.method == "POST":
        return as_json(201, {"id": "group"})
    if request.target.startswith("/v1.0/users?$skiptoken="):
        return as_json(200, {"value": [{"displayName": "B"}]})
    if request.target == "/v1.0/users":
        next_page = f"http://{request.headers['host']}/v1.0/users?$skiptoken=2"
        return as_json(200, {"value": [{"displayName": "A"}], "@odata.nextLink": next_page})
    return as_json(200, {"value": [{"id": "local"}]})


def test_second_api_takes_one_line_and_its_settings(caller: Caller):
    names: dict[str, Any] = {"DownstreamApi": DownstreamApi}
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(graph_response) as api:
        caller.uses_endpoint(endpoint.origin)
        caller.set({"GRAPH_URL": f"{api.origin}/v1.0", "GRAPH_SCOPE": "https://graph.microsoft.com/.default"})
        for part in ("from_settings", "$select", "graph.pages", "graph.post", "identity_client_id"):
            caller.run(execute(example(part), names))
    assert names["organizations"] == [{"id": "local"}]
    assert names["names"] == ["A", "B"]
    assert names["created"].json() == {"id": "group"}
    assert [(request.method, request.target) for request in api.requests] == [
        ("GET", "/v1.0/organization?$select=id%2CdisplayName"),
        ("GET", "/v1.0/users"),
        ("GET", "/v1.0/users?$skiptoken=2"),
        ("POST", "/v1.0/groups"),
        ("GET", "/v1.0/organization"),
    ]
    assert "client_id=1de00003" in endpoint.requests[1].target


GRAPH_EXAMPLES = ("from_settings", "$select", "graph.pages", "graph.post", "identity_client_id", "user=")


def test_graph_examples_run_against_the_shipped_tenant(
    caller: Caller, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    local_azure.environment()
    graph = {"GRAPH_URL": f"{local_azure_server.origin}/v1.0", "GRAPH_SCOPE": "https://graph.microsoft.com/.default"}
    caller.set({**ON_BEHALF_OF, **graph})
    headers = {"authorization": f"Bearer {local_azure.token('msi-func-api', user=DEVELOPER)}"}
    names: dict[str, Any] = {
        "DownstreamApi": DownstreamApi,
        "UserAssertion": UserAssertion,
        "req": func.HttpRequest("GET", "/", headers=headers, body=b""),
    }
    for part in GRAPH_EXAMPLES:
        caller.run(execute(example(part), names))
    groups = [group.name for group in local_azure_server.directory.groups]
    assert names["organizations"] == [{"id": load().tenant_id, "displayName": "Local tenant"}]
    assert names["names"] == [user.name for user in load().users]
    assert (names["created"].status, groups) == (201, ["developers", "Orders"])
    assert names["response"].json()["value"][0]["id"] == load().tenant_id
    assert names["me"]["userPrincipalName"] == "developer@local.example"


def test_documented_settings_of_a_second_api_are_those_that_the_code_reads(caller: Caller):
    listed = re.findall(r"^- (GRAPH_\w+): ", EXTENDING, re.MULTILINE)
    caller.set(dict.fromkeys(listed, "invalid value"))
    problem = caller.problem_of(asyncio.to_thread(lambda: DownstreamApi.from_settings("GRAPH").options))
    assert problem.members["settings"] == listed


def test_call_on_behalf_of_the_user_sends_a_token_for_the_user(local_azure: LocalTenant, caller: Caller):
    local_azure.environment()
    caller.set(ON_BEHALF_OF)
    headers = {"authorization": f"Bearer {local_azure.token('msi-func-api', user=DEVELOPER)}"}
    with Scripted(lambda request: as_json(200, {})) as api:
        names = {
            "graph": caller.api(api.origin),
            "req": func.HttpRequest("GET", "/", headers=headers, body=b""),
            "UserAssertion": UserAssertion,
        }
        caller.run(execute(example("user="), names))
    assert names["me"] == {}
    assert [request.target for request in api.requests] == ["/me"]
    assert api.requests[0].headers["authorization"] != headers["authorization"]


def test_bearer_token_auth_works_with_requests(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: as_json(200, {})) as api:
        caller.uses_endpoint(endpoint.origin)
        names: dict[str, Any] = {"requests": requests, "BearerTokenAuth": BearerTokenAuth, "url": api.origin}
        caller.run(execute(example("BearerTokenAuth"), names))
        assert names["response"].status_code == 200
    assert "authorization" in api.requests[0].headers


def test_troubleshooting_has_exactly_the_existing_codes():
    headings = re.findall(r"^### (.*)$", TROUBLESHOOTING, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(headings))) == sorted(PROBLEM_TYPES)


def test_troubleshooting_has_every_cause_of_a_missing_token():
    causes = {
        name: value
        for module in (token_errors, entra_errors)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert len(causes) > 12
    for name, cause in causes.items():
        beginning = re.split(r"[:.,]| or ", cause)[0]
        assert f"\n- {beginning}" in TROUBLESHOOTING, f"{name}: {beginning}"


def test_troubleshooting_has_every_reason_of_a_failed_connection():
    """Covers http_client._REASONS and every HttpError with a literal reason."""
    sources = [ast.parse(inspect.getsource(module)) for module in (http_client, http_session)]
    calls = [node for source in sources for node in ast.walk(source) if isinstance(node, ast.Call)]
    errors = [call for call in calls if ast.unparse(call.func) == "HttpError"]
    raised = [call.args[0].value for call in errors if len(call.args) == 1 and isinstance(call.args[0], ast.Constant)]
    reasons = {reason for _, reason in http_client._REASONS} | {http_client._http_error(OSError()).reason} | set(raised)
    for reason in reasons:
        assert f"\n- `{reason}`: " in TROUBLESHOOTING, reason


def test_troubleshooting_repeats_descriptions_and_remediations():
    for section in re.findall(r"^### (.*?)(?=^#|\Z)", TROUBLESHOOTING, re.MULTILINE | re.DOTALL):
        plain = " ".join(section.replace("`", "").replace("**", "").split())
        for code in re.findall(r"`(\w+)`", section.partition("\n")[0]):
            assert f"{PROBLEM_TYPES[code].description} Do: {REMEDIATIONS[code]}" in plain, code


def test_troubleshooting_has_the_status_of_every_code():
    status = ""
    for heading in re.findall(r"^##+ (.*)$", TROUBLESHOOTING, re.MULTILINE):
        status = "".join(re.findall(r"\b\d{3}\b", heading)) or status
        for code in re.findall(r"`(\w+)`", heading):
            if code in PROBLEM_TYPES:
                assert str(PROBLEM_TYPES[code].status) == status, code


def test_every_code_has_a_remediation_and_validation_steps_have_known_codes():
    assert REMEDIATIONS.keys() == PROBLEM_TYPES.keys()
    checked = [code for _, codes in VALIDATION_STEPS for code in codes]
    assert len(checked) == len(set(checked))
    assert set(checked) <= PROBLEM_TYPES.keys()


def test_descriptions_contain_only_characters_that_rfc_6750_allows():
    for kind in PROBLEM_TYPES.values():
        assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", kind.description)


READMES = [apps.APP / folder / "README.md" for folder in ("", "bench", "local_azure")]
DOCUMENTS = [*READMES, *sorted((apps.APP / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", [str(path.relative_to(apps.APP)) for path in DOCUMENTS])
def test_linked_files_exist(name: str):
    file = apps.APP / name
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_code_that_security_mentions_exists():
    named = re.findall(r"\b(\w+\.py) ((?:`\w+`(?:, )?)+)", (apps.APP / "docs" / "security.md").read_text())
    assert len(named) > 30
    for file, names in named:
        (path,) = [path for package in ("common", "aad_func", "msi_func") for path in (apps.APP / package).glob(file)]
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(?: *(?:async )?def|class)? *{name}\b", path.read_text(), re.MULTILINE), (file, name)


def test_linked_headings_exist():
    for document in DOCUMENTS:
        for file, anchor in re.findall(r"\]\((?!https?:)([^)#]+\.md)?#([^)]+)\)", document.read_text()):
            target = (document.parent / file if file else document).read_text()
            titles = re.findall(r"^#+ (.*)$", target, re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, document


def test_sample_settings_match_the_local_tenant(local_azure_server: LocalAzure):
    values = json.loads((apps.APP / "local.settings.sample.json").read_text())["Values"]
    given = {
        **ON_BEHALF_OF,
        **apps.msi_settings(local_azure_server, values["AAD_FUNC_URL"]),
        **apps.aad_settings(local_azure_server),  # by http: a host that is started by itself does not know the local CA
    }
    for name, value in given.items():
        if name in values:
            assert re.sub(r":\d+", ":PORT", values[name]) == re.sub(r":\d+", ":PORT", value), name
    assert {name for name in given if name.startswith(("AAD", "MSI", "ENTRA", "IDENTITY"))} <= values.keys()
