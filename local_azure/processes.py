"""Child processes that end with this one, and that this one ends with."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import IO, NoReturn

from local_azure.server import LOOPBACK, StartError

READY_WITHIN = 30  # seconds; a cold disk makes the first import slow
STOP_WITHIN = 5


class Stopped(BaseException):
    """This process was asked to end, by Ctrl+C or a signal. Not an Exception: nothing but the end may handle it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn the signals that ask a process to end into Stopped, so that `with` blocks clean up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    handlers = {number: signal.signal(number, stop) for number in _signals(names)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def until_stopped() -> NoReturn:
    """Do nothing until Stopped is raised."""
    # Not one long wait: a signal that comes right before it would not end it.
    while True:
        time.sleep(1)


@contextlib.contextmanager
def host(
    folder: str,
    port: int,
    name: str,
    settings: Mapping[str, str],
    *,
    output: IO[bytes] | None = None,
    options: Sequence[str] = (),
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Functions host in a process of its own, ready when the block is entered and gone when it is left.

    `settings` stand on top of the environment. What it prints goes to `output`, by default to where ours goes;
    `options` are further ones of the `host` command.
    """
    command = [
        sys.executable,
        "-m",
        "local_azure",
        "host",
        folder,
        "--port",
        str(port),
        "--name",
        name,
        "--child",
        *options,
    ]
    # Its standard input closes when this process ends, however it ends: that is when it stops too.
    child = subprocess.Popen(
        command, env={**os.environ, **settings}, stdin=subprocess.PIPE, stdout=output, stderr=output
    )
    try:
        _wait_for(child, port, name)
        yield child
    finally:
        child.terminate()
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def end_with_parent() -> None:
    """In a child: stop when the standard input closes, which it does when the parent is gone."""

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def run(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run a command with these settings on top of the environment, pass signals on, and return its exit code.

    As in a shell, a command that a signal ended gives 128 and the signal's number. What it started and left running
    is ended too; at a terminal that is the terminal's business, where Ctrl+C reaches the whole group.
    """
    own_group = os.name == "posix" and not (sys.stdin and sys.stdin.isatty())  # None where it is closed
    received: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # At a terminal Ctrl+C reaches the command by itself; twice would mean "at once" to many programs.
        if child is not None and (own_group or number != signal.SIGINT):
            _send(child, number, own_group)

    numbers = _signals(("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"))
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
    """Ask what is left of a process group to end, and end it where it does not."""
    deadline = time.monotonic() + STOP_WITHIN
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)


def _signals(names: Sequence[str]) -> list[int]:
    # Windows has fewer.
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _wait_for(child: "subprocess.Popen[bytes]", port: int, name: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise StartError(f"{name} did not start (exit code {child.returncode}); its message is above.")
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        time.sleep(0.02)
    raise StartError(f"{name} did not start within {READY_WITHIN} s.")
