"""python -m tools.doctor: healthy apps, limits, output, and hostile responses. For verdicts, see diagnosis/."""

import email.utils
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.problems import PROBLEM_TYPES
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.apps import Host
from tests.support.scripted import HANG, Reply, Request, Scripted, as_json, http
from tests.support.tool import Ended, run, run_process
from tests.tools.stage import Stage

ACCEPTED = as_json(200, {"caller": {}, "roles": ["DoAll"]})
MISSING_TOKEN = {"status": 401, "code": "missing_token"}


def msi_func(call: Reply) -> Callable[[Request], Reply]:
    """Respond like msi-func: aad-func rejects the request without a token."""
    rejected = as_json(502, {"code": "downstream_error", "downstream": MISSING_TOKEN})
    return lambda request: rejected if "auth=0" in request.target else call


def examine(host: Host, *arguments: str) -> Ended:
    return run("doctor", host.url("msi-func"), *arguments)


def test_healthy_apps_pass_every_check_within_two_seconds(msi_host: Host, aad_host: Host):
    examine(msi_host, "--aad", aad_host.url("aad-func"))  # caches the token and the signing keys
    started = time.process_time()  # CPU time, so other load does not affect the result
    ended = examine(msi_host, "--aad", aad_host.url("aad-func"))
    assert time.process_time() - started < 2
    assert ended.code == 0, ended.out
    assert ended.verdict == "Healthy. aad-func accepts msi-func, with the roles DoAll."
    assert {line.split()[0] for line in ended.out.splitlines()[:6]} == {"ok"}


def test_healthy_apps_behind_easy_auth_pass_every_check(
    local_azure_server: LocalAzure, local_azure: LocalTenant, tmp_path: Path
):
    stage = Stage(local_azure_server, local_azure, tmp_path)
    with stage.stack:
        ended = stage.easy_auth()
    assert ended.code == 0, ended.out
    assert {line.split()[0] for line in ended.out.splitlines()[:6]} == {"ok"}


def test_skipped_checks_are_listed_and_change_the_exit_code_only_with_strict(msi_host: Host):
    ended = examine(msi_host)
    assert (ended.code, ended.state("forged principal")) == (0, "skipped")
    assert "Skipped: aad-func, forged principal, forged token." in ended.out
    assert examine(msi_host, "--strict").code == 4
    assert examine(msi_host, "--strict", "--aad", "http://127.0.0.1:9/api/aad-func").code == 4


def test_json_output_has_the_same_content(msi_host: Host, aad_host: Host):
    text = examine(msi_host, "--aad", aad_host.url("aad-func"))
    document = json.loads(examine(msi_host, "--aad", aad_host.url("aad-func"), "--json").out)
    assert document["verdict"] is None
    assert {check["state"] for check in document["checks"]} == {"ok"}
    names = [check["name"] for check in document["checks"]]
    assert all(text.state(name) == "ok" for name in names)

    document = json.loads(run("doctor", "http://127.0.0.1:9/api/msi-func", "--json").out)
    assert document["verdict"] == document["findings"][0]
    assert document["verdict"]["cause"].startswith("Nothing listens at 127.0.0.1:9")
    assert document["verdict"]["step"]


def test_url_of_aad_func_comes_from_the_settings(msi_host: Host, aad_host: Host, aad_settings: dict[str, str]):
    settings = {**aad_settings, "AAD_FUNC_URL": aad_host.url("aad-func")}
    ended = run("doctor", msi_host.url("msi-func"), settings=settings)
    assert (ended.code, ended.state("forged principal")) == (0, "ok")


@pytest.mark.parametrize("url", ["http://[", "http://x.example/", "x", "https://[::1"])
def test_invalid_url_of_aad_func_in_the_settings_is_not_probed(url, msi_host: Host):
    ended = run("doctor", msi_host.url("msi-func"), settings={"AAD_FUNC_URL": url})
    assert (ended.code, ended.state("aad-func")) == (0, "skipped")
    assert "needs --aad" in ended.out


def test_settings_of_another_environment_are_ignored(msi_host: Host):
    foreign = {"AAD_FUNC_URL": "https://aad-func.invalid/api/aad-func", "AAD_FUNC_CLIENT_ID": "x"}
    ended = run("doctor", msi_host.url("msi-func"), settings=foreign)
    assert (ended.code, ended.state("aad-func")) == (0, "skipped")
    assert "needs --aad" in ended.out


OLD = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
ORDER = [
    (
        "an unreachable app and a wrong clock",
        None,
        as_json(401, {"code": "missing_token"}, **OLD),
        "Nothing listens",
        3,
    ),
    (
        "a wrong clock and a wrong URL",
        as_json(200, {"caller": {}, "roles": []}, **OLD),
        http(200),
        "msi-func's clock",
        1,
    ),
    ("a wrong URL, whose clock is ignored", ACCEPTED, http(200, **OLD), "The URL in --aad or AAD_FUNC_URL", 3),
    (
        "an open door and an unreachable app",
        None,
        as_json(200, {"caller": {}}, **OLD),
        "Take aad-func off the network",
        1,
    ),
]


@pytest.mark.parametrize(("why", "call", "direct", "verdict", "code"), ORDER, ids=[case[0] for case in ORDER])
def test_most_severe_finding_is_the_verdict(why, call, direct, verdict, code):
    with Scripted(msi_func(call)) as msi, Scripted(lambda request: direct) as aad:
        url = msi.origin if call else "http://127.0.0.1:9/api/msi-func"
        ended = run("doctor", url, "--aad", aad.origin)
    assert verdict in ended.verdict
    assert ended.code == code


def test_credentials_are_sent_to_msi_func_only_and_never_printed(aad_settings: dict[str, str]):
    key, token = "k" * 56, "eyJ.t.t"
    with Scripted(msi_func(ACCEPTED)) as msi, Scripted(lambda request: as_json(401, MISSING_TOKEN)) as aad:
        settings = {"MSI_FUNC_KEY": key, "MSI_FUNC_TOKEN": token}
        for options in (["--json"], []):
            ended = run("doctor", msi.origin, "--aad", aad.origin, *options, settings=settings)
            assert ended.code == 0, ended.out
            assert key not in ended.out + ended.err
            assert token not in ended.out + ended.err
    assert {request.headers.get("x-functions-key") for request in msi.requests} == {key}
    assert {request.headers.get("authorization") for request in msi.requests} == {f"Bearer {token}"}
    sent = str([request.headers for request in aad.requests])
    assert key not in sent
    assert token not in sent
    assert {request.method for request in (*msi.requests, *aad.requests)} == {"GET"}
    assert len(msi.requests) + len(aad.requests) == 2 * 5


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (("https://x.example/api/msi-func?code=key",), {}),
        (("http://x.example/",), {}),
        (("x",), {}),
        (("http://127.0.0.1:9/", "--aad", "http://x.example/"), {}),
        (("http://127.0.0.1:9/", "--timeout", "0"), {}),
        (("http://127.0.0.1:9/", "--timeout", "nan"), {}),
        (("http://127.0.0.1:9/",), {"MSI_FUNC_KEY": "a\nb"}),
        (("http://127.0.0.1:9/",), {"MSI_FUNC_TOKEN": "é"}),
    ],
)
def test_invalid_arguments_and_settings_are_an_error(arguments, settings):
    ended = run("doctor", *arguments, settings=settings)
    assert (ended.code, ended.out) == (2, "")
    assert "key=" not in ended.err


def test_progress_is_printed_and_the_total_time_is_limited():
    with Scripted(lambda request: HANG) as site:
        ended = run("doctor", f"{site.origin}/api/msi-func", "--aad", site.origin, "--timeout", "10")
    assert ended.code == 3
    assert "8 s ..." not in ended.err
    assert "waiting for msi-func: 2 s ..." in ended.err
    assert "waiting for aad-func: 2 s ..." in ended.err


def test_results_are_printed_as_soon_as_they_are_known(msi_host: Host, monkeypatch: pytest.MonkeyPatch):
    from tools import console

    printed: list[tuple[str, int]] = []
    with Scripted(lambda request: as_json(401, MISSING_TOKEN)) as aad:
        write = console.write_check
        monkeypatch.setattr(
            console,
            "write_check",
            lambda check, width=0: (printed.append((check.name, len(aad.requests))), write(check, width)),
        )
        examine(msi_host, "--aad", aad.origin)
    assert dict(printed)["aad-func"] == 1
    assert dict(printed)["forged token"] > 1


def test_slow_response_is_not_a_wrong_clock():
    def respond(request: Request) -> Reply:
        date = email.utils.formatdate(time.time(), usegmt=True)
        time.sleep(0.3)
        return msi_func(as_json(200, {"caller": {}, "roles": []}, Date=date))(request)

    with Scripted(respond) as site:
        ended = run("doctor", site.origin)
    assert "msi-func +0 s" in ended.out


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 9999 99:99:99 GMT", "9" * 400])
def test_clock_check_is_skipped_for_a_malformed_date(date):
    with Scripted(msi_func(as_json(200, {"caller": {}, "roles": []}, Date=date))) as site:
        ended = run("doctor", site.origin)
    assert (ended.code, ended.state("clocks")) == (0, "skipped")


HOSTILE: list[Any] = [
    {"code": "\x1b[2J\x1b[1;1Hok"},
    {"code": ["downstream_error"]},
    {"code": "downstream_error", "downstream": []},
    {"code": "downstream_error", "downstream": {"status": "401"}},
    {"code": "downstream_error", "downstream": {"status": 10**400, "code": 5}},
    {"code": "downstream_error", "downstream": {"status": True}},
    {"code": "downstream_unreachable", "detail": 7},
    {"code": "misconfigured", "settings": {"a": 1}, "detail": "\x1b[31mfailed\nok       all"},
    {"code": "misconfigured", "settings": ["$(reboot)", "A\nB"], "detail": None},
    {"code": "misconfigured", "package": ["x"], "settings": 5},
    {"code": "token_unavailable", "scope": "api://x';reboot #/.default", "detail": "\u202eeno"},
    {"code": "federated_credential_mismatch", "entra_codes": ["\x1b[2J", 5, "AADSTS1"]},
    {"caller": {}, "roles": "DoAll", "claims": []},
    {"caller": {}, "roles": [1, None, "\x1b[2J"], "claims": {"tid": 5, "aud": {"a": 1}, "azp": []}},
    {"caller": [], "roles": []},
]
DENIED: list[dict[str, Any]] = [
    {"caller": "x", "roles": 1, "required_roles": None},
    {"caller": {"object_id": "$(reboot)", "kind": 5}, "required_roles": ["$(reboot)"], "roles": []},
    {"caller": {"object_id": "\x1b[2J"}, "required_roles": ["\x1b[2J"], "new_role_visible_by": "9999-99-99"},
    {"caller": {}, "token_issued_at": "0001-01-01T00:00:00+23:59", "new_role_visible_by": "\x1b[2J"},
    {"roles": ["$(reboot)x"], "required_roles": ["$(reboot)"], "caller": {}},
]
BODIES = [
    *HOSTILE,
    *({"code": "downstream_error", "downstream": {"status": 403, "code": "missing_role", **d}} for d in DENIED),
]
BODIES += [
    {"code": "downstream_error", "downstream": {"status": 403, "code": "caller_not_allowed", **d}} for d in DENIED
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_hostile_response_causes_no_traceback_and_injects_no_command(body):
    for status in (200, 403, 502):
        with Scripted(lambda request, status=status: as_json(status, body)) as site:
            ended = run("doctor", site.origin, "--aad", site.origin)
        assert ended.code in (0, 1, 3)
        assert not re.search(r"[^\n -~]", ended.out + ended.err)
        assert ended.code == 0 or not re.search(r"\$\(reboot|;reboot", ended.step.replace("'$(reboot)'", ""))


@pytest.mark.parametrize(
    "location", ["http://[", "//[::1", "\x7f", "http://x:99999999/", "https://login.microsoftonline.com@x"]
)
def test_hostile_redirect_causes_no_traceback(location):
    with Scripted(lambda request: http(302, Location=location)) as site:
        ended = run("doctor", f"{site.origin}/api/msi-func")
    assert ended.code in (1, 3)
    assert ended.step


def test_malformed_body_causes_no_traceback():
    nested = b'{"caller":' * 5000 + b"1" + b"}" * 5000
    for content in (b"", b"[]", b"null", b"\xff\xfe", b'{"caller": 1e999}', nested, b"x" * 2 * 1024 * 1024):
        with Scripted(lambda request, content=content: http(200, content, Content_Type="application/json")) as site:
            ended = run("doctor", f"{site.origin}/api/msi-func", "--aad", site.origin)
        assert ended.code in (1, 3)


def test_every_code_of_the_apps_has_a_verdict_and_a_step():
    for code, kind in PROBLEM_TYPES.items():
        problem = {"code": code, "detail": kind.description, "status": kind.status}
        for reply in (
            as_json(kind.status, problem),
            as_json(502, {"code": "downstream_error", "downstream": problem}),
        ):
            with Scripted(lambda request, reply=reply: reply) as site:
                ended = run("doctor", f"{site.origin}/api/msi-func")
            assert ended.code == 1, (code, ended.out)
            assert ended.verdict, code
            assert ended.step, code
            assert "troubleshooting" not in ended.step


def test_colors_are_for_terminals_only(msi_host: Host):
    assert "\x1b" not in examine(msi_host).out


@pytest.mark.parametrize("tool", ["token", "doctor", "roles"])
def test_help_has_examples_exit_codes_and_no_secret_on_a_command_line(tool):
    ended = run_process(tool, "--help")
    assert ended.code == 0
    assert "examples:" in ended.out
    assert "exit codes:" in ended.out
    assert not re.search(r"MSI_FUNC_KEY=\S|-H \S?Authorization", ended.out)


def test_all_output_passes_through_one_function():
    for path in (apps.APP / "tools").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"(?<!getpass\.)\bprint\(|sys\.std(out|err)\.write", text) or path.name == "console.py", (
            path
        )
    assert (apps.APP / "tools" / "console.py").read_text().count("print(") == 1


def test_modules_have_at_most_200_lines():
    for path in (apps.APP / "tools").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 200, path
