"""Commands on the page: they run unmodified and contain neither secrets nor injected text."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support import apps, users
from tests.support.apps import Host
from tests.support.page import chromium, idle_tabs, opened
from tests.support.scripted import Scripted, as_json

__all__ = ["chromium", "idle_tabs", "opened"]

STAGING = "1de00002-0b1d-4000-8000-000000000000"
CALLER = {"kind": "application", "client_id": "1de00002-c11d-4000-8000-000000000000", "object_id": STAGING}
MISSING_ROLE = {"code": "missing_role", "detail": "x", "caller": CALLER, "roles": [], "required_roles": ["DoAll"]}


def command(shown: Any) -> str:
    return shown.page.locator("#fix pre").text_content()


def test_missing_role_shows_the_caller_and_when_a_new_role_is_visible(opened, no_role: Host):
    shown = opened(no_role.url("msi-func"))
    who = shown.text("#who")
    for expected in ("An application, acting as itself", CALLER["client_id"], STAGING, "Roles none"):
        assert expected in who
    times = dict(zip(*(shown.page.locator(f"#fix {name}").all_inner_texts() for name in ("dt", "dd")), strict=True))
    for name in ("Token issued at", "New role visible by"):
        assert times[name].endswith(("CET", "CEST", "GMT+1", "GMT+2"))


def test_command_of_a_missing_role_assigns_it(
    opened, no_role: Host, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    shown = opened(no_role.url("msi-func"), permissions=["clipboard-read", "clipboard-write"])
    shown.page.get_by_role("button", name="Copy the command").click()
    shown.page.get_by_text("Copied.").wait_for()
    words = shlex.split(shown.page.evaluate("navigator.clipboard.readText()"))
    assert words[:3] == ["python", "-m", "tools.roles"]
    # In a subprocess, because Playwright's event loop runs in this thread and the tool starts another one.
    with apps.clean_environment():
        environment = {**os.environ, **local_azure_server.environment("deployment")}
    subprocess.run([sys.executable, *words[1:]], cwd=apps.APP, env=environment, timeout=60, check=True)
    assert STAGING in {assignment.principal_id for assignment in local_azure_server.directory.assignments}


# (label, members of the response that no command may contain)
UNSAFE = [
    ("a role that ends the command", {"required_roles": ["DoAll; rm -rf ~"]}),
    ("a role with a command substitution", {"required_roles": ["$(id)"]}),
    ("a role with a line break", {"required_roles": ["DoAll\nid"]}),
    ("a role that is an option", {"required_roles": ["--help"]}),
    ("a long role", {"required_roles": ["a" * 251]}),
    ("an empty role", {"required_roles": [""]}),
    ("no role", {"required_roles": []}),
    ("an object ID with a command substitution", {"caller": {**CALLER, "object_id": "`id`"}}),
    ("an object ID with trailing text", {"caller": {**CALLER, "object_id": f"{STAGING} --graph https://a.invalid"}}),
    ("no object ID", {"caller": {"kind": "application"}}),
    ("no caller", {"caller": "x"}),
]


@pytest.mark.parametrize(("why", "members"), UNSAFE, ids=[case[0] for case in UNSAFE])
def test_command_contains_only_validated_names(why, members, opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(403, {**MISSING_ROLE, **members})
    shown = opened(host.url("msi-func"))
    assert shown.page.locator("#fix pre").count() == 0


def test_command_uses_the_api_from_msi_funcs_settings(
    opened, scripted_api: tuple[Host, Scripted], local_azure_server: LocalAzure
):
    host, api = scripted_api
    others = {
        "audience": "https://graph.microsoft.com",
        "api": "graph",
        "scope": "https://graph.microsoft.com/.default",
    }
    api.answer = lambda request: as_json(403, {**MISSING_ROLE, **others})
    shown = opened(host.url("msi-func"))
    (app,) = (app for app in local_azure_server.directory.applications if app.name == apps.API)
    assert command(shown) == (
        f"python -m tools.roles assign --api {app.app_id_uris[0]} --identity {STAGING} --role DoAll"
    )


@pytest.fixture(scope="module")
def user_host(local_azure_server: LocalAzure, aad_host: Host) -> Iterator[Host]:
    with apps.running(users.settings(local_azure_server, aad_host.url("aad-func"))) as host:
        yield host


def test_page_for_a_user_offers_a_call_as_the_app(opened, user_host: Host):
    shown = opened(user_host.url("msi-func") + "?as=user&x=1")
    assert shown.text("#said").endswith("msi-func returned 401 user_token_required.")
    assert not shown.page.get_by_role("button", name="Call without token").is_visible()
    shown.press("Call as the app")
    assert shown.page.url.endswith("?x=1&as=app")
    assert shown.text(".headline") == "aad-func accepted the app."
    assert shown.page.evaluate("document.activeElement.innerText") == "Call again"
    assert shown.page.get_by_role("button", name="Call without token").is_visible()


@pytest.mark.parametrize("key", ["", "a-secret-key=="], ids=["no key", "function key"])
def test_command_of_as_user_calls_on_behalf_of_the_user(
    key, opened, user_host: Host, local_azure: LocalTenant, tmp_path: Path
):
    shown = opened(user_host.url("msi-func") + "?as=user" + (f"&code={key}" if key else ""))
    text = command(shown)
    assert not key or key not in shown.page.locator("body").inner_text()
    token, arguments = tmp_path / "token", tmp_path / "arguments"
    token.write_text(local_azure.token("msi-func-api", user=users.DEVELOPER) + "\n")
    executable(tmp_path / "bin" / "az", f'echo az "$@" >> {arguments}; cat {token}')
    executable(tmp_path / "bin" / "curl", f'echo curl "$@" >> {arguments}; exec {shutil.which("curl")} -si "$@"')
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "*", "MSI_FUNC_KEY": key}
    done = subprocess.run(["sh", "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert " 200 " in done.stdout.splitlines()[0]
    assert '"kind": "user"' in done.stdout
    seen = arguments.read_text()
    assert f"--scope {users.MSI_FUNC}/.default" in seen
    assert token.read_text().strip() not in seen + text
    assert not key or key not in seen + text
    assert ("x-functions-key: %s" in text) == bool(key)


def executable(file: Path, script: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
