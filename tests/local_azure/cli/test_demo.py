"""The demo: its ports, settings, output and exit code, and the commands that it prints."""

import json
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from local_azure.cli import demo, main
from local_azure.cli.signals import ShutdownRequested
from local_azure.serving.ports import bind, free_port
from tests.support import apps, commands
from tests.support.apps import APP
from tests.support.commands import call, start
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


def test_response_that_is_not_json_points_to_the_hosts_output(capsys):
    with Scripted(lambda request: http(500)) as app:
        assert demo.show(app.origin, requests.get(app.origin, timeout=10)) is False
    assert capsys.readouterr().out == f"GET {app.origin} -> 500, which is not JSON: see the host's output above.\n\n"


def test_demo_ignores_local_settings(tmp_path: Path, monkeypatch):
    """A local.settings.json is for `func start`, most often with another tenant."""
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": {"THEIRS": "1"}}))
    (tmp_path / "function_app.py").write_text(PRINTS_SETTINGS)
    monkeypatch.setattr(demo, "APP", tmp_path)
    with apps.clean_environment(), demo.app_host(port := free_port(), "app", {"OURS": "2"}):
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


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_printed_calls_on_behalf_of_users_work(state: Path):
    demo = start("demo", "--port", 0, "--state", state, stderr=subprocess.DEVNULL)
    try:
        printed = "".join(iter(demo.stdout.readline, "Enter here restarts msi-func, Ctrl+C stops everything.\n"))
        part = printed.partition("On behalf of a user")[2].partition("The 24-hour story")[0]
        responses = [bash(command) for command in re.findall(r"^  (\S.*)$", part, re.MULTILINE)]
    finally:
        demo.terminate()
        demo.communicate(timeout=commands.SECONDS)
    with_role, without_role, challenged, with_mfa = responses
    assert '"kind": "user"' in with_role
    assert '"code": "missing_role"' in without_role
    assert 'error="insufficient_claims"' in challenged
    assert '"kind": "user"' in with_mfa


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [([], 200, 403), (["--site", "msi-func/slots/staging"], 403, 200)],
    ids=["with the role", "without the role"],
)
def test_printed_commands_of_the_24_hour_story_work(arguments, first, last, state: Path):
    demo = start("demo", "--port", 0, "--state", state, *arguments, stderr=subprocess.DEVNULL)
    try:
        printed = "".join(iter(demo.stdout.readline, "Enter here restarts msi-func, Ctrl+C stops everything.\n"))
        story = printed.partition("The 24-hour story")[2]
        token, change, call_1, *rest = re.findall(r"^  (\S.*)$", story, re.MULTILINE)
        assert bash(f"{token}\n{change}")
        assert status(bash(call_1)) == first
        restart(demo)
        assert status(bash(call_1)) == first
        for command in rest[:-1]:
            bash(command)
        assert status(bash(rest[-1])) == first
        restart(demo)
        assert status(bash(rest[-1])) == last
    finally:
        demo.terminate()
        demo.communicate(timeout=commands.SECONDS)
    # It leaves nothing behind.
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}
    assert len(ports) == 4
    assert not any(map(is_listening, ports))


def restart(demo: "subprocess.Popen[str]") -> None:
    demo.stdin.write("\n")
    demo.stdin.flush()
    assert demo.stdout.readline() == "msi-func is restarted.\n"


def bash(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], cwd=APP, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def status(response: str) -> int:
    """Return aad-func's status."""
    return json.loads(response).get("downstream", {}).get("status", 200)


def test_the_demo_runs_once_behind_easy_auth(state: Path):
    done = call("demo", "--once", "--easy-auth", "--port", 0, "--state", state)
    assert done.returncode == 0
    assert '"authenticated_by": "easy_auth"' in done.stdout
    assert "behind Easy Auth" in done.stdout
    # With --port 0 none is fixed: demos do not get in each other's way.
    assert not {"7071", "7072", "8400", "8443"} & set(re.findall(r":(\d+)", done.stdout))
