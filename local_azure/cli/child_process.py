"""The command of `run` in a child process: signals, exit code, and processes that it leaves behind."""

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
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # exit codes, as in a shell

# Its input is a pipe that closes when this process ends, however that happens. $0 is a process or group, $1 seconds.
_WATCHDOG = """
read -r _
kill -s TERM -- "$0"
while [ "$1" -gt 0 ] && kill -s 0 -- "$0"; do sleep 1; set -- $(($1 - 1)); done
kill -s KILL -- "$0"
"""


def run_command(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run a command with settings that extend the environment, forward signals, and return its exit code.

    As in a shell, the exit code is 128 plus the signal's number if a signal ended the command. Processes that the
    command leaves behind are ended; at a terminal they are not, because Ctrl+C reaches the whole process group there.
    If this process is killed, a watchdog ends the command. Raises StartError.
    """
    own_group = os.name == "posix" and not (sys.stdin and sys.stdin.isatty())  # stdin is None if it is closed
    received: list[int] = []
    child: subprocess.Popen[bytes] | None = None
    watchdog: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # At a terminal, Ctrl+C reaches the command directly; many programs take a second one for "immediately".
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
    """Start a process that ends the command, or its whole group, if this process ends first."""
    if os.name != "posix":
        return None
    target = f"-{child}" if own_group else str(child)
    with contextlib.suppress(OSError):  # a container may have no shell
        return subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, target, str(STOP_TIMEOUT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C at a terminal does not reach it
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
