"""The demo: its ports, settings, output and exit code, and the commands that it prints."""

import argparse
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local_azure.cli import demo, demo_apps, main
from local_azure.cli.signals import ShutdownRequested
from local_azure.serving.ports import bind, free_port
from local_azure.tenant.loader import DEFAULT_TENANT_FILE
from tests.support import apps, commands
from tests.support.apps import APP
from tests.support.commands import LAST_LINE, call, read_until, start
from tests.support.scripted import Scripted, http

PRINTS_SETTINGS = """
import json, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps([os.environ.get(name) for name in ("THEIRS", "OURS")]))
"""


def test_port_in_use_is_replaced_with_a_message(monkeypatch, capsys):
    with bind(0) as listener:
        taken = listener.getsockname()[1]
        monkeypatch.setattr(demo, "MSI_PORT", taken)
        monkeypatch.setattr(demo, "AAD_PORT", taken)
        ports = demo.usual_ports()
    assert taken not in ports
    assert capsys.readouterr().out.splitlines() == [
        f"Port {taken} is in use, so msi-func uses {ports[0]}.",
        f"Port {taken} is in use, so aad-func uses {ports[1]}.",
    ]


def test_tenants_ports_in_use_are_replaced_unless_they_were_chosen(monkeypatch, capsys):
    with bind(0) as http, bind(0) as https:
        taken, taken_https = http.getsockname()[1], https.getsockname()[1]
        monkeypatch.setattr(demo, "HTTP_PORT", taken)
        monkeypatch.setattr(demo, "HTTPS_PORT", taken_https)
        defaults = argparse.Namespace(port=taken, https_port=None)
        demo._avoid_ports_in_use(defaults)
        chosen = argparse.Namespace(port=free_port(), https_port=taken_https)
        demo._avoid_ports_in_use(chosen)
    assert {defaults.port, defaults.https_port}.isdisjoint({taken, taken_https})
    assert capsys.readouterr().out.splitlines() == [
        f"Port {taken} is in use, so the tenant uses {defaults.port}.",
        f"Port {taken_https} is in use, so the tenant over https uses {defaults.https_port}.",
    ]
    assert chosen.https_port == taken_https


def test_response_that_is_not_json_points_to_the_hosts_output(capsys):
    with Scripted(lambda request: http(500)) as app:
        assert demo.show(app.origin, requests.get(app.origin, timeout=10), complete=False) is False
    assert (
        capsys.readouterr().out
        == f"GET {app.origin} -> 500, but the body is not JSON. See the host's output above.\n\n"
    )


def test_demo_ignores_local_settings(tmp_path: Path, monkeypatch):
    """A local.settings.json is for `func start`, most often with another tenant."""
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": {"THEIRS": "1"}}))
    (tmp_path / "function_app.py").write_text(PRINTS_SETTINGS)
    monkeypatch.setattr(demo_apps, "APP", tmp_path)
    with apps.clean_environment(), demo_apps.app_host(port := free_port(), "app", {"OURS": "2"}):
        assert requests.get(f"http://127.0.0.1:{port}/api/settings", timeout=30).json() == [None, "2"]


STOPPED = [
    (["demo", "--once"], 128 + signal.SIGTERM),
    (["demo"], 0),
]


@pytest.mark.parametrize(("arguments", "code"), STOPPED)
def test_stopped_demo_succeeds_unless_it_should_end_by_itself(arguments, code, state: Path, monkeypatch):
    def stopped(*_: object, **__: object) -> int:
        raise ShutdownRequested(signal.SIGTERM)

    monkeypatch.setattr(demo, "run", stopped)
    assert main.main([*arguments, "--port", "0", "--https-port", "0", "--state", str(state)]) == code


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(state: Path, *arguments: object) -> Iterator["Demo"]:
    process = start("demo", "--port", 0, "--state", state, *arguments, stderr=subprocess.DEVNULL)
    try:
        yield Demo(process, read_until(process, LAST_LINE))
    finally:
        process.terminate()
        process.communicate(timeout=commands.SECONDS)


@dataclass(frozen=True)
class Demo:
    """A demo that runs, and what it printed before it waits for input."""

    process: "subprocess.Popen[str]"
    printed: str

    def enter(self, choice: str) -> str:
        """Return what the demo prints for a choice."""
        self.process.stdin.write(f"{choice}\n")
        self.process.stdin.flush()
        return read_until(self.process, "\n")

    def commands(self, choice: str) -> list[str]:
        return re.findall(r"^  (\S.*)$", self.enter(choice), re.MULTILINE)


needs_shell = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)


def test_output_before_the_prompt_fits_on_a_small_screen(state: Path):
    with running(state) as demo:
        lines = (demo.printed + LAST_LINE).splitlines()
        logged = 3  # by the tenant and both hosts, on stderr
        assert len(lines) + logged <= 12
        assert max(map(len, lines)) <= 100
        assert re.fullmatch(r"Open http://127\.0\.0\.1:\d+/api/msi-func in a browser\.", lines[0])
        assert "GET /api/msi-func -> 200: aad-func accepted the application, roles: DoAll." in lines
        assert demo.enter("?") == demo.enter("nonsense") == "".join(f"{line}\n" for line in lines[-2:])


@needs_shell
def test_printed_errors_and_key_rotation_work(state: Path):
    with running(state) as demo:
        without_token, forged = map(bash, demo.commands("1"))
        assert '"code": "missing_token"' in without_token
        assert forged.startswith("HTTP/1.1 401")
        (rotate,) = demo.commands("5")
        assert bash(rotate)


@needs_shell
def test_printed_calls_on_behalf_of_users_work(state: Path):
    with running(state) as demo:
        let_in, refused, asked, again = map(bash, demo.commands("4"))
    assert '"kind": "user"' in let_in
    assert '"code": "missing_role"' in refused
    assert 'error="insufficient_claims"' in asked
    assert '"kind": "user"' in again


@needs_shell
@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [([], 200, 403), (["--site", "msi-func/slots/staging"], 403, 200)],
    ids=["with the role", "without the role"],
)
def test_printed_commands_of_the_24_hour_story_work(arguments, first, last, state: Path):
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
    # It leaves nothing behind.
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}
    assert len(ports) == 3
    assert not any(map(is_listening, ports))


def test_story_shows_both_credentials_and_can_be_repeated(state: Path):
    with running(state) as demo:
        for _ in range(2):
            rows = [re.split(r"\s{2,}", row.strip()) for row in demo.enter("2").splitlines()[1:]]
            late = rows[1][1]
            assert re.fullmatch(r"403 missing_role until 20\d\d-\d\d-\d\dT\d\d:\d\dZ", late)
            assert rows == [
                ["AAD_FUNC_CREDENTIAL", "managed_identity", "application"],
                ["without the role DoAll", late, "403 missing_role"],
                ["the role is assigned", late, "200"],
                ["24 h later, restarted", "200", "200"],
            ]


def test_story_of_a_tenant_without_an_identity_for_it_says_so(state: Path, tmp_path: Path):
    content = json.loads(DEFAULT_TENANT_FILE.read_text())
    content["assignments"].append({"principal": "msi-func-api", "application": "aad-func", "role": "DoAll"})
    (tmp_path / "tenant.json").write_text(json.dumps(content))
    with running(state, "--tenant", tmp_path / "tenant.json") as demo:
        assert (
            "The tenant file must define a site's identity and an app registration that lack the role."
            in demo.enter("2")
        )


def bash(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], cwd=APP, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.replace("\r\n", "\n")


def status(answer: str) -> int:
    """What aad-func said."""
    return json.loads(answer.partition("\n\n")[2]).get("downstream", {}).get("status", 200)


def test_the_demo_runs_once_behind_easy_auth(state: Path):
    done = call("demo", "--once", "--easy-auth", "--port", 0, "--state", state)
    assert done.returncode == 0
    assert '"authenticated_by": "easy_auth"' in done.stdout
    assert "behind Easy Auth" in done.stdout
    assert '"claims": {' in done.stdout
    # With --port 0 none is fixed: demos do not get in each other's way.
    assert not {"7071", "7072", "8400", "8443"} & set(re.findall(r":(\d+)", done.stdout))
