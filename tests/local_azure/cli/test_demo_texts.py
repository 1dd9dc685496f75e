"""The demo's output, and the commands that it prints."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from local_azure.cli.demo_apps import DemoApps
from local_azure.cli.demo_texts import DemoTexts, summary
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.local_azure.cli.demo_process import Demo, bash, needs_shell, running, status
from tests.support.commands import LAST_LINE
from tests.support.tenant_requests import is_listening


def test_output_before_the_prompt_fits_on_a_small_screen(demo: Demo):
    lines = (demo.printed + LAST_LINE).splitlines()
    logged = 3  # lines of the tenant and both hosts on stderr
    assert len(lines) + logged <= 12
    assert max(map(len, lines)) <= 100
    assert re.fullmatch(r"Open http://127\.0\.0\.1:\d+/api/msi-func in a browser\.", lines[0])
    assert "GET /api/msi-func -> 200: aad-func accepted the application, roles: DoAll." in lines
    assert demo.enter("?") == demo.enter("nonsense") == "".join(f"{line}\n" for line in lines[-2:])


@needs_shell
def test_printed_commands_for_errors_and_key_rotation_work(state: Path):
    with running(state) as demo:
        without_token, forged = map(bash, demo.commands("1"))
        assert '"code": "missing_token"' in without_token
        assert forged.startswith("HTTP/1.1 401")
        (rotate,) = demo.commands("5")
        assert bash(rotate)


@needs_shell
def test_printed_commands_on_behalf_of_users_work(demo: Demo):
    accepted, denied, challenged, with_mfa = map(bash, demo.commands("4"))
    assert '"kind": "user"' in accepted
    assert '"code": "missing_role"' in denied
    assert 'error="insufficient_claims"' in challenged
    assert '"kind": "user"' in with_mfa


@needs_shell
@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [([], 200, 403), (["--site", "msi-func/slots/staging"], 403, 200)],
    ids=["with the role", "without the role"],
)
def test_printed_commands_for_a_late_role_work(arguments, first, last, state: Path):
    with running(state, *arguments) as demo:
        change, call_1, advance, call_2 = demo.commands("3")
        assert bash(change).startswith("HTTP/1.1 20")
        assert status(bash(call_1)) == first
        assert demo.enter("r") == "msi-func has restarted.\n"
        assert status(bash(call_1)) == first
        bash(advance)
        assert status(bash(call_2)) == first
        demo.enter("r")
        assert status(bash(call_2)) == last
        printed = demo.printed
    # The demo has ended all servers.
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}
    assert len(ports) == 3
    assert not any(map(is_listening, ports))


DENIED = {"status": 502, "code": "downstream_error", "downstream": {"status": 403, "code": "missing_role"}}
LATE = DENIED | {"downstream": DENIED["downstream"] | {"new_role_visible_by": "2026-01-02T03:04:05Z"}}
CALLER = {"caller": {"kind": "application"}, "roles": ["DoAll", "Other"]}
SUMMARIES = [
    ("accepted", 200, CALLER, "200: aad-func accepted the application, roles: DoAll, Other.", "200"),
    (
        "accepted without roles",
        200,
        CALLER | {"roles": []},
        "200: aad-func accepted the application, roles: none.",
        "200",
    ),
    ("aad-func's problem", 502, DENIED, "403 missing_role", "403 missing_role"),
    ("a role that takes effect later", 502, LATE, "403 missing_role", "403 missing_role until 2026-01-02T03:04Z"),
    ("msi-func's problem", 504, {"status": 504, "code": "x"}, "504 x", "504 x"),
    ("a response without a code", 500, {}, "500 without a code", "500 without a code"),
]


@pytest.mark.parametrize(
    ("why", "status_code", "body", "text", "short"), SUMMARIES, ids=[case[0] for case in SUMMARIES]
)
def test_summary_names_the_status_and_the_problem(why, status_code, body, text, short):
    assert summary(status_code, body) == text
    assert summary(status_code, body, short=True) == short


@pytest.fixture
def texts(local_azure: LocalTenant, local_azure_server: LocalAzure) -> DemoTexts:
    api = local_azure_server.directory.application("aad-func")
    return DemoTexts(DemoApps(local_azure_server, api, 7071, 7072), "DoAll")


def test_commands_contain_the_address_of_the_tenant_unless_it_is_the_default(
    texts: DemoTexts, local_azure_server, monkeypatch
):
    assert f" control --url {local_azure_server.origin} rotate-keys" in texts.commands("5")
    monkeypatch.setattr(local_azure_server, "origin", "http://127.0.0.1:8400")
    assert " control rotate-keys" in texts.commands("5")


def test_unknown_choice_has_no_commands(texts: DemoTexts):
    assert [texts.commands(choice) for choice in ("", "2", "6", "r", "11")] == [""] * 5


def test_tenant_without_a_federated_credential_has_no_commands_for_users(
    texts: DemoTexts, local_azure_server, monkeypatch
):
    untrusting = tuple(replace(app, federated_credentials=()) for app in local_azure_server.directory.applications)
    monkeypatch.setattr(local_azure_server.directory, "applications", untrusting)
    message = "The tenant file does not define the identities or app roles for this choice."
    assert texts.commands("4") == message


def test_commands_remove_an_assigned_role_and_assign_a_missing_role(texts: DemoTexts, local_azure: LocalTenant):
    assert " -X DELETE " in texts.commands("3") or " -Method DELETE " in texts.commands("3")
    local_azure.remove("DoAll", from_="msi-func", of="aad-func")
    assert "an administrator assigns the role" in texts.commands("3")


def test_no_command_contains_a_token(texts: DemoTexts):
    for choice in "1345":
        assert "eyJ" not in texts.commands(choice)
