"""Child processes: signals, exit codes and cleanup."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from local_azure.cli.signals import signal_numbers
from local_azure.serving.errors import StartError

STOP_TIMEOUT = 5  # seconds
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # a shell's exit codes

# `read` returns when the Python process ends for any reason, because its pipe to the watchdog then closes.
# $0 is the process or process group to end, and $1 is a timeout in seconds.
_WATCHDOG = """
read -r _
kill -s TERM -- "$0"
while [ "$1" -gt 0 ] && kill -s 0 -- "$0"; do sleep 1; set -- $(($1 - 1)); done
kill -s KILL -- "$0"
"""


def run_command(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run a command with `settings` added to the environment, forward signals, and return the command's exit code.

    If a signal ends the command, the exit code is 128 plus the signal's number, as in a shell. Processes that the
    command leaves running are ended, except on Windows and at a terminal, where Ctrl+C reaches the whole process group.
    Except on Windows, a watchdog ends the command if this process is killed. Raises StartError if the command cannot
    start.
    """
    own_group = os.name == "posix" and not (sys.stdin and sys.stdin.isatty())  # a closed stdin is None
    received: list[int] = []
    child: subprocess.Popen[bytes] | None = None
    watchdog: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # At a terminal, Ctrl+C reaches the command directly. A forwarded SIGINT would be the second, after which many
        # programs exit without cleanup.
        if child is not None and (own_group or number != signal.SIGINT):
            _send(child, number, own_group)

    numbers = signal_numbers("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    handlers = {number: signal.signal(number, forward) for number in numbers}
    try:
        child = subprocess.Popen(command, env={**os.environ, **settings}, process_group=0 if own_group else None)
        watchdog = _start_watchdog(child.pid, own_group)
        for number in received:
            _send(child, number, own_group)
        code = child.wait()
    except OSError as error:
        exit_code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        raise StartError(f"{command[0]} cannot be started ({error.strerror}).", exit_code) from None
    finally:
        if watchdog is not None:
            _stop_watchdog(watchdog)
        if child is not None and own_group:
            _end_group(child.pid)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _start_watchdog(child: int, own_group: bool) -> "subprocess.Popen[bytes] | None":
    """Start a process that ends the child, or the child's process group, if this process ends first."""
    if os.name != "posix":
        return None
    target = f"-{child}" if own_group else str(child)
    with contextlib.suppress(OSError):  # a container may have no shell
        return subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, target, str(STOP_TIMEOUT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl+C does not end the watchdog
        )
    return None


def _stop_watchdog(watchdog: "subprocess.Popen[bytes]") -> None:
    watchdog.kill()
    watchdog.wait()
    if watchdog.stdin:
        watchdog.stdin.close()


def _send(child: "subprocess.Popen[bytes]", number: int, to_group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        if to_group:
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)


def _end_group(group: int) -> None:
    """Terminate the remaining processes of a process group, and kill them after a timeout."""
    deadline = time.monotonic() + STOP_TIMEOUT
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
