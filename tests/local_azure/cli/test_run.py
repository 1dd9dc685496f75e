"""`run`: the command's identity, signals, exit code and remaining processes."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support import commands
from tests.support.commands import call, start
from tests.support.tenant_requests import API, is_listening, port_of
from tests.support.waiting import run_bounded, until

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")


SCRIPT = """
import json, os, sys
from azure.identity import ManagedIdentityCredential
print(json.dumps([ManagedIdentityCredential().get_token("API/.default").token, dict(os.environ)]))
sys.exit(7)
""".replace("API", API)


@pytest.mark.parametrize("how", [[], ["--imds"]], ids=["App Service", "IMDS"])
def test_run_provides_the_identity_and_returns_the_exit_code(how: list[str], state: Path):
    done = call("run", "--port", 0, "--state", state, *how, "--", sys.executable, "-c", SCRIPT)
    assert done.returncode == 7
    token, settings = json.loads(done.stdout)
    assert ("IDENTITY_ENDPOINT" in settings) == (how == [])
    assert re.fullmatch(rf"\[identity\] msi-func: token for {API}, roles: DoAll \(new\)\n", done.stderr)
    assert not any(part in done.stderr for part in token.split("."))
    assert not is_listening(port_of(settings["LOCAL_AZURE_URL"]))


def test_run_uses_the_identity_of_the_named_site(state: Path):
    arguments = ("run", "--port", 0, "--state", state, "--site", "msi-func/slots/staging")
    done = call(*arguments, "--", sys.executable, "-c", SCRIPT)
    assert f"msi-func/slots/staging: token for {API}, roles: none (new)" in done.stderr


WAITING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(9)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_run_forwards_signals_and_returns_the_exit_code(state: Path):
    process = start("run", "--port", 0, "--state", state, "--", sys.executable, "-c", WAITING)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 9


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_exit_code_is_128_plus_the_signal_that_ended_the_command(state: Path):
    done = call("run", "--port", 0, "--state", state, "--", "sh", "-c", "kill -KILL $$")
    assert done.returncode == 128 + signal.SIGKILL


@ON_LINUX
def test_run_leaves_nothing_behind(state: Path):
    done = call("run", "--port", 0, "--state", state, "--", "sh", "-c", "sleep 600 & echo $!; sleep 601 & echo $!")
    assert done.returncode == 0
    for process in done.stdout.split():
        status = Path(f"/proc/{process}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()


def is_running(process: str) -> bool:
    status = Path(f"/proc/{process}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@ON_LINUX
def test_killed_run_leaves_nothing_behind(state: Path):
    script = "sleep 600 & echo $!; echo $$; exec sleep 601"
    process = start("run", "--port", 0, "--state", state, "--", "sh", "-c", script)
    left = [process.stdout.readline().strip() for _ in range(2)]
    assert all(map(is_running, left))
    watchdog = watchdog_of(process.pid, left[1])
    process.kill()
    process.communicate(timeout=commands.SECONDS)
    run_bounded(until(lambda: not any(map(is_running, [*left, watchdog]))))


@ON_LINUX
def test_watchdog_ends_with_the_command(state: Path):
    process = start("run", "--port", 0, "--state", state, "--", "sh", "-c", "echo $$; read -r _")
    command = process.stdout.readline().strip()
    watchdog = watchdog_of(process.pid, command)
    process.communicate("\n", timeout=commands.SECONDS)
    assert process.returncode == 0
    assert not is_running(watchdog)


def watchdog_of(parent: int, command: str) -> str:
    """Wait for the watchdog, which starts after the command, and return its process ID."""

    def children() -> set[str]:
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        return {child for task in tasks for child in task.read_text().split()}

    run_bounded(until(lambda: len(children()) == 2))
    (watchdog,) = children() - {command}
    return watchdog
