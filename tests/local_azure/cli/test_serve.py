"""`serve`: its settings, signals, restarts and footprint."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
import requests

from local_azure.tenant.loader import load
from tests.support import commands
from tests.support.commands import serving
from tests.support.tenant_requests import is_listening, port_of

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_at_a_signal_and_frees_its_ports(number: signal.Signals, state: Path):
    with serving(state) as served:
        ports = [port_of(served.settings[name]) for name in ("IDENTITY_ENDPOINT", "AZURE_AUTHORITY_HOST")]
        assert all(map(is_listening, ports))
        served.process.send_signal(number)
        out, err = served.process.communicate(timeout=commands.SECONDS)
        assert (served.process.returncode, out, err) == (0, "", "")
    assert not any(map(is_listening, ports))


def test_restarted_tenant_keeps_its_ca(tmp_path: Path):
    with serving(tmp_path) as first:
        pass
    with serving(tmp_path, "--https-port", port_of(first.settings["AZURE_AUTHORITY_HOST"])):
        tenant = f"{first.settings['AZURE_AUTHORITY_HOST']}/{first.settings['AZURE_TENANT_ID']}"
        url, bundle = f"{tenant}/discovery/keys", first.settings["REQUESTS_CA_BUNDLE"]
        assert requests.get(url, verify=bundle, timeout=10).status_code == 200


@ON_LINUX
def test_startup_takes_less_than_a_second_of_cpu_time_and_80_mb(state: Path):
    """Counted in seconds of one core, so that a busy machine does not matter."""
    spent = []
    for _ in range(3):
        with serving(state) as served:
            process = Path(f"/proc/{served.process.pid}")
            # proc_pid_stat(5): user and system time, the 14th and 15th field; the second is a name in parentheses.
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
