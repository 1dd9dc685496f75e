"""The demo in this process: its ports, its settings, what it says of a failure, and its exit code."""

import json
import signal
from pathlib import Path

import pytest
import requests

from local_azure.cli import demo, main
from local_azure.cli.signals import ShutdownRequested
from local_azure.serving.ports import bind, free_port
from tests.support import apps
from tests.support.scripted import Scripted, http

PRINTS_SETTINGS = """
import json, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps([os.environ.get(name) for name in ("THEIRS", "OURS")]))
"""


def test_a_port_that_is_taken_is_left_to_who_has_it(monkeypatch, capsys):
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


def test_a_demo_whose_app_gives_no_json_says_where_to_look(capsys):
    with Scripted(lambda request: http(500)) as app:
        assert demo.show(app.origin, requests.get(app.origin, timeout=10)) is False
    assert capsys.readouterr().out == f"GET {app.origin} -> 500, which is not JSON: see the host's output above.\n\n"


def test_a_demo_has_its_own_settings_only(tmp_path: Path, monkeypatch):
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
def test_a_demo_that_was_to_end_by_itself_has_not_succeeded_when_stopped(arguments, code, state: Path, monkeypatch):
    def stopped(*_: object, **__: object) -> int:
        raise ShutdownRequested(signal.SIGTERM)

    monkeypatch.setattr(demo, "run", stopped)
    assert main.main([*arguments, "--port", "0", "--https-port", "0", "--state", str(state)]) == code
