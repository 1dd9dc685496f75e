"""`serve`: settings, signals, restarts, CPU time and memory."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest
import requests

from local_azure.tenant.loader import load
from tests.support import commands
from tests.support.commands import serving, start
from tests.support.tenant_requests import is_listening, port_of
from tests.support.waiting import run_bounded, until

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")


JSON_HINT = "The tenant runs until Ctrl+C. Copy these values into your app's local.settings.json:\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_exits_on_a_signal_and_frees_its_ports(number: signal.Signals, state: Path):
    with serving(state) as served:
        ports = [port_of(served.settings[name]) for name in ("IDENTITY_ENDPOINT", "AZURE_AUTHORITY_HOST")]
        assert all(map(is_listening, ports))
        served.process.send_signal(number)
        out, err = served.process.communicate(timeout=commands.SECONDS)
        assert (served.process.returncode, out, err) == (0, "", JSON_HINT)
    assert not any(map(is_listening, ports))


def test_ctrl_c_with_a_request_in_flight_prints_no_stack_trace(state: Path):
    with serving(state) as served:
        requests.post(f"{served.url}/local-azure/fault", json={"endpoint": "keys", "delay": 3600}, timeout=10)
        with socket.create_connection(("127.0.0.1", port_of(served.url)), 10) as client:
            host = served.url.removeprefix("http://")
            client.sendall(f"GET /{load().tenant_id}/discovery/keys HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            counters = f"{served.url}/local-azure/counters"
            run_bounded(until(lambda: requests.get(counters, timeout=10).json()["keys"] == 1))
            served.process.send_signal(signal.SIGINT)
            out, err = served.process.communicate(timeout=commands.SECONDS)
    assert (served.process.returncode, out) == (0, "")
    assert err == f"{JSON_HINT}[identity] control: injected a fault into keys\n"


@pytest.mark.parametrize(
    ("form", "hint", "first"),
    [
        ("sh", "Paste these lines into the terminal in which you start your app:", "export "),
        ("powershell", "Paste these lines into the PowerShell window in which you start your app:", "$env:"),
    ],
)
def test_hint_explains_how_to_use_the_settings(form: str, hint: str, first: str, state: Path):
    process = start("serve", "--port", 0, "--state", state, "--format", form)
    assert process.stdout.readline().startswith(first)
    process.terminate()
    _, err = process.communicate(timeout=commands.SECONDS)
    assert err == f"The tenant runs until Ctrl+C. {hint}\n"


def test_restarted_tenant_uses_the_same_ca(tmp_path: Path):
    with serving(tmp_path) as first:
        pass
    with serving(tmp_path, "--https-port", port_of(first.settings["AZURE_AUTHORITY_HOST"])):
        tenant = f"{first.settings['AZURE_AUTHORITY_HOST']}/{first.settings['AZURE_TENANT_ID']}"
        url, bundle = f"{tenant}/discovery/keys", first.settings["REQUESTS_CA_BUNDLE"]
        assert requests.get(url, verify=bundle, timeout=10).status_code == 200


@ON_LINUX
def test_startup_takes_less_than_a_second_of_cpu_time_and_80_mb(state: Path):
    """Measured as CPU time, so that other load on the machine does not affect the result."""
    spent = []
    for _ in range(3):
        with serving(state) as served:
            process = Path(f"/proc/{served.process.pid}")
            # proc_pid_stat(5): fields 14 and 15 are user and system time, and field 2 is a name in parentheses.
            times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
            spent.append(sum(map(int, times)) / os.sysconf("SC_CLK_TCK"))
            status_of = (process / "status").read_text()
    assert min(spent) < 1
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status_of)[1]) < 80 * 1024


def test_minimal_tenant_starts_without_graph_or_users(tmp_path: Path):
    tenant = {
        "tenant_id": load().tenant_id,
        "name": "Small",
        "sites": [{"name": "site", "identity_header": "secret"}],
    }
    (tmp_path / "tenant.json").write_text(json.dumps(tenant))
    with serving(tmp_path, "--tenant", tmp_path / "tenant.json") as served:
        assert requests.get(f"{served.url}/v1.0/servicePrincipals", timeout=10).status_code == 401
