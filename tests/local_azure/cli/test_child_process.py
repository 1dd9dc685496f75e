"""The command of `run`: signals, exit code and remaining processes."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from local_azure.cli.child_process import run_command
from local_azure.cli.signals import signal_numbers
from local_azure.serving.errors import StartError
from tests.support import commands
from tests.support.commands import call, start
from tests.support.waiting import run_bounded, until

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")


WAITING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(9)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_run_forwards_signals_and_returns_the_exit_code(state: Path):
    process = start("run", "--port", 0, "--state", state, "--", sys.executable, "-c", WAITING)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 9


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_exit_code_is_128_plus_the_signal_that_ended_the_command(state: Path):
    done = call("run", "--port", 0, "--state", state, "--", "sh", "-c", "kill -KILL $$")
    assert done.returncode == 128 + signal.SIGKILL


@ON_LINUX
def test_run_ends_processes_that_the_command_left_running(state: Path):
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
def test_command_and_watchdog_end_if_run_is_killed(state: Path):
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


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("no-such-command", 127, "no-such-command cannot be started (No such file or directory)."),
        ("/", 126, "/ cannot be started (Permission denied)."),
    ],
)
def test_command_that_cannot_be_started_has_the_exit_code_of_a_shell(command, code, message, state: Path):
    done = call("run", "--port", 0, "--state", state, "--", command)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"local_azure: {message}\n")


def test_settings_extend_the_environment(monkeypatch, capfd):
    monkeypatch.setenv("THEIRS", "1")
    monkeypatch.setenv("REPLACED", "1")
    script = "import os; print(*(os.environ[name] for name in ('THEIRS', 'REPLACED', 'OURS')))"
    assert run_command([sys.executable, "-c", script], {"REPLACED": "2", "OURS": "3"}) == 0
    assert capfd.readouterr().out == "1 2 3\n"
    assert "OURS" not in os.environ


@pytest.mark.parametrize("command", [["true"], ["nosuch-command"]])
def test_signal_handlers_are_restored(command: list[str]):
    numbers = signal_numbers("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    before = [signal.getsignal(number) for number in numbers]
    with contextlib.suppress(StartError):
        run_command(command, {})
    assert [signal.getsignal(number) for number in numbers] == before
