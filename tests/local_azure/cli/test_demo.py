"""The demo: its ports, output and exit code."""

import argparse
import re
import signal
from pathlib import Path

import pytest
import requests

from local_azure.cli import demo, main
from local_azure.cli.signals import ShutdownRequested
from local_azure.serving.ports import bind, free_port
from tests.support.commands import call
from tests.support.scripted import Scripted, http


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


def test_only_default_ports_of_the_tenant_are_replaced(monkeypatch, capsys):
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
        f"Port {taken_https} is in use, so the tenant's https server uses {defaults.https_port}.",
    ]
    assert chosen.https_port == taken_https


def test_response_that_is_not_json_points_to_the_hosts_output(capsys):
    with Scripted(lambda request: http(500)) as app:
        assert demo.show(app.origin, requests.get(app.origin, timeout=10), complete=False) is False
    assert (
        capsys.readouterr().out
        == f"GET {app.origin} -> 500, but the body is not JSON. See the host's output above.\n\n"
    )


STOPPED = [
    (["demo", "--once"], 128 + signal.SIGTERM),
    (["demo"], 0),
]


@pytest.mark.parametrize(("arguments", "code"), STOPPED)
def test_terminated_demo_exits_with_0_unless_run_with_once(arguments, code, state: Path, monkeypatch):
    def stopped(*_: object, **__: object) -> int:
        raise ShutdownRequested(signal.SIGTERM)

    monkeypatch.setattr(demo, "run", stopped)
    assert main.main([*arguments, "--port", "0", "--https-port", "0", "--state", str(state)]) == code


def test_demo_runs_once_behind_easy_auth(state: Path):
    done = call("demo", "--once", "--easy-auth", "--port", 0, "--state", state)
    assert done.returncode == 0
    assert '"authenticated_by": "easy_auth"' in done.stdout
    assert "behind Easy Auth" in done.stdout
    assert '"claims": {' in done.stdout
    # With --port 0, all ports are free ports, so that several demos can run at the same time.
    assert not {"7071", "7072", "8400", "8443"} & set(re.findall(r":(\d+)", done.stdout))
