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


def run_command(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run a command with settings that extend the environment, forward signals, and return its exit code.

    As in a shell, the exit code is 128 plus the signal's number if a signal ended the command. Processes that the
    command leaves behind are ended; at a terminal they are not, because Ctrl+C reaches the whole process group there.
    """
    own_group = os.name == "posix" and not (sys.stdin and sys.stdin.isatty())  # stdin is None if it is closed
    received: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # At a terminal, Ctrl+C reaches the command directly; many programs take a second one for "immediately".
        if child is not None and (own_group or number != signal.SIGINT):
            _send(child, number, own_group)

    numbers = signal_numbers("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    handlers = {number: signal.signal(number, forward) for number in numbers}
    try:
        child = subprocess.Popen(command, env={**os.environ, **settings}, process_group=0 if own_group else None)
        for number in received:
            _send(child, number, own_group)
        code = child.wait()
    except OSError as error:
        raise StartError(f"{command[0]} cannot be started ({error.strerror}).") from None
    finally:
        if child is not None and own_group:
            _end_group(child.pid)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


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
