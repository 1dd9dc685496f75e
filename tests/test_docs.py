"""What the documents say is so: examples are run, codes are complete."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests

from common.fixes import CHECKS, FIXES
from common.problems import KINDS
from local_azure.cloud import LocalAzure
from msi_func.auth import ManagedIdentityAuth
from msi_func.downstream import DownstreamApi
from tests.support import apps
from tests.support.caller import Caller, caller, token_reply
from tests.support.forge import Forge
from tests.support.scripted import Scripted, as_json

__all__ = ["caller"]

EXTENDING = re.findall(r"```python\n(.*?)```", (apps.APP / "docs" / "extending.md").read_text(), re.DOTALL)


def example(containing: str) -> str:
    (found,) = [block for block in EXTENDING if containing in block]
    return found


def test_every_example_is_run_by_a_test():
    assert len(EXTENDING) == 5


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


def test_the_token_alone_goes_with_requests(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: as_json(200, {})) as api:
        caller.asks(endpoint.origin)
        names: dict[str, Any] = {"requests": requests, "ManagedIdentityAuth": ManagedIdentityAuth, "url": api.origin}
        exec(example("ManagedIdentityAuth"), names)
        assert names["answer"].status_code == 200
    assert "authorization" in api.requests[0].headers


def test_troubleshooting_has_every_code_and_no_other():
    headings = re.findall(r"^### (.*)$", (apps.APP / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(headings))) == sorted(KINDS)


def test_troubleshooting_says_of_each_code_what_the_tables_say():
    text = (apps.APP / "docs" / "troubleshooting.md").read_text()
    for section in re.findall(r"^### (.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
        plain = " ".join(section.replace("`", "").replace("**", "").split())
        for code in re.findall(r"`(\w+)`", section.partition("\n")[0]):
            assert f"{KINDS[code].meaning} Do: {FIXES[code]}" in plain, code


def test_every_code_has_a_fix_and_every_check_has_codes_of_the_table():
    assert FIXES.keys() == KINDS.keys()
    checked = [code for _, codes in CHECKS for code in codes]
    assert len(checked) == len(set(checked))
    assert set(checked) <= KINDS.keys()


def test_descriptions_in_challenges_have_only_the_characters_that_rfc_6750_allows():
    for kind in KINDS.values():
        assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", kind.meaning)


@pytest.mark.parametrize(
    "name", ["README.md", "docs/security.md", "docs/troubleshooting.md", "docs/extending.md", "docs/page.md"]
)
def test_links_lead_somewhere(name: str):
    file = apps.APP / name
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_the_sample_settings_are_the_shipped_tenants(azure: LocalAzure):
    values = json.loads((apps.APP / "local.settings.sample.json").read_text())["Values"]
    given = {
        **azure.environment("msi-func"),
        **apps.aad_settings(azure),
        **apps.msi_settings(azure, values["AAD_FUNC_URL"]),
    }
    for name, value in given.items():
        if name in values:
            assert re.sub(r":\d+", ":PORT", values[name]) == re.sub(r":\d+", ":PORT", value), name
    assert {name for name in given if name.startswith(("AAD", "ENTRA", "IDENTITY"))} <= values.keys()
