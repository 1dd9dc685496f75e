"""What the documents say is so: examples are run, codes are complete."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import requests
from msi_func.auth import ManagedIdentityAuth
from msi_func.user_token import user_token

from common import http
from common.problems import PROBLEM_TYPES
from common.remediations import REMEDIATIONS, VALIDATION_STEPS
from local_azure.cloud import LocalAzure
from msi_func import causes
from msi_func.downstream import DownstreamApi
from tests.support import apps
from tests.support.caller import Caller, caller, token_reply
from tests.support.forge import Forge
from tests.support.scripted import Scripted, as_json
from tests.support.users import on_behalf_of_settings
from tests.support.users import user_token as sign_in

__all__ = ["caller"]

EXTENDING = re.findall(r"```python\n(.*?)```", (apps.APP / "docs" / "extending.md").read_text(), re.DOTALL)


def example(containing: str) -> str:
    (found,) = [block for block in EXTENDING if containing in block]
    return found


def test_every_example_is_run_by_a_test():
    assert len(EXTENDING) == 6


def test_a_second_protected_function_takes_five_lines_at_most(tmp_path: Path, azure: LocalAzure, forge: Forge):
    lines = example("Orders.Read")
    assert len(lines.splitlines()) <= 5
    for package in ("aad_func", "msi_func", "common"):
        shutil.copytree(apps.APP / package, tmp_path / package)
    for file in ("host.json", "function_app.py"):
        shutil.copy(apps.APP / file, tmp_path)
    with (tmp_path / "aad_func" / "function.py").open("a") as file:
        file.write(f"\n\n{lines}")

    def call(host: apps.Host, **claims: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {forge.token(**claims)}"}
        return requests.get(host.url("orders"), headers=headers, timeout=30)

    with apps.running(apps.aad_settings(azure), folder=tmp_path) as host:
        assert call(host, roles=["Orders.Read"]).json() == {"orders": [], "for": "1de00001-c11d-4000-8000-000000000000"}
        assert call(host, roles=["DoAll"]).json()["code"] == "missing_role"
        assert requests.get(host.url("orders"), timeout=30).json()["code"] == "missing_token"


def test_a_second_api_is_one_line_and_its_settings(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: as_json(200, {})) as api:
        caller.asks(endpoint.origin)
        caller.set({"GRAPH_URL": f"{api.origin}/v1.0", "GRAPH_SCOPE": "https://graph.microsoft.com/.default"})
        names: dict[str, Any] = {"DownstreamApi": DownstreamApi}
        for part in ("from_settings", 'get(path="/organization")', "identity_client_id"):
            exec(example(part), names)
        assert names["body"] == b"{}"
    assert [request.target for request in api.requests] == ["/v1.0/organization"] * 2
    assert "client_id=1de00003" in endpoint.requests[1].target


def test_a_call_as_the_user_takes_the_users_token(azure: LocalAzure, caller: Caller):
    caller.is_site(azure)
    caller.set(on_behalf_of_settings(azure))
    headers = {"authorization": f"Bearer {sign_in(azure)}"}
    with Scripted(lambda request: as_json(200, {})) as api:
        graph = caller.api(api.origin)
        req = func.HttpRequest("GET", "/", headers=headers, body=b"")
        exec(example("user_token="), {"graph": graph, "req": req, "user_token": user_token})
    assert [request.target for request in api.requests] == ["/me"]
    assert api.requests[0].headers["authorization"] != headers["authorization"]


def test_the_token_alone_goes_with_requests(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: as_json(200, {})) as api:
        caller.asks(endpoint.origin)
        names: dict[str, Any] = {"requests": requests, "ManagedIdentityAuth": ManagedIdentityAuth, "url": api.origin}
        exec(example("ManagedIdentityAuth"), names)
        assert names["answer"].status_code == 200
    assert "authorization" in api.requests[0].headers


def test_troubleshooting_has_every_code_and_no_other():
    headings = re.findall(r"^### (.*)$", (apps.APP / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(headings))) == sorted(PROBLEM_TYPES)


def test_troubleshooting_has_every_cause_of_a_missing_token():
    text = (apps.APP / "docs" / "troubleshooting.md").read_text()
    told = {name: value for name, value in vars(causes).items() if name.isupper() and isinstance(value, str)}
    told.pop("MANAGED_IDENTITY")
    assert len(told) > 10
    for name, cause in told.items():
        begins = re.split(r"[:.,]| or ", cause)[0]
        assert f"| {begins}" in text, f"{name}: {begins}"


def test_troubleshooting_has_every_reason_for_no_connection():
    text = (apps.APP / "docs" / "troubleshooting.md").read_text()
    for _, reason in http._REASONS:
        assert reason in text


def test_troubleshooting_says_of_each_code_what_the_tables_say():
    text = (apps.APP / "docs" / "troubleshooting.md").read_text()
    for section in re.findall(r"^### (.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
        plain = " ".join(section.replace("`", "").replace("**", "").split())
        for code in re.findall(r"`(\w+)`", section.partition("\n")[0]):
            assert f"{PROBLEM_TYPES[code].description} Do: {REMEDIATIONS[code]}" in plain, code


def test_every_code_has_a_fix_and_every_check_has_codes_of_the_table():
    assert REMEDIATIONS.keys() == PROBLEM_TYPES.keys()
    checked = [code for _, codes in VALIDATION_STEPS for code in codes]
    assert len(checked) == len(set(checked))
    assert set(checked) <= PROBLEM_TYPES.keys()


def test_descriptions_in_challenges_have_only_the_characters_that_rfc_6750_allows():
    for kind in PROBLEM_TYPES.values():
        assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", kind.description)


@pytest.mark.parametrize(
    "name", ["README.md", *(f"docs/{path.name}" for path in sorted((apps.APP / "docs").glob("*.md")))]
)
def test_links_lead_somewhere(name: str):
    file = apps.APP / name
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_the_sample_settings_are_the_shipped_tenants(azure: LocalAzure):
    values = json.loads((apps.APP / "local.settings.sample.json").read_text())["Values"]
    given = {
        **on_behalf_of_settings(azure),
        **apps.msi_settings(azure, values["AAD_FUNC_URL"]),
        **apps.aad_settings(azure),  # by http: a host that is started by itself does not know the local CA
    }
    for name, value in given.items():
        if name in values:
            assert re.sub(r":\d+", ":PORT", values[name]) == re.sub(r":\d+", ":PORT", value), name
    assert {name for name in given if name.startswith(("AAD", "MSI", "ENTRA", "IDENTITY"))} <= values.keys()
