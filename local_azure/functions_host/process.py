"""A Functions host in a child process that ends when this process ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from local_azure.serving.errors import StartError
from local_azure.serving.ports import LOOPBACK

START_TIMEOUT = 30  # seconds; the first import can be slow
STOP_TIMEOUT = 5


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
    """Run a host for the function app in `folder` while the context is active. Raises StartError.

    `settings` are added to the environment. `output` receives the host's output. By default, the host inherits this
    process's output. `options` are additional options of the `host` command.
    """
    command = [sys.executable, "-m", "local_azure", "host", folder, "--port", str(port), "--name", name, "--child"]
    # When this process ends for any reason, the pipe to the host closes and the host stops.
    child = subprocess.Popen(
        [*command, *options], env={**os.environ, **settings}, stdin=subprocess.PIPE, stdout=output, stderr=output
    )
    try:
        _wait_for(child, port, name)
        yield child
    finally:
        child.terminate()
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def end_with_parent() -> None:
    """Stop this process when standard input closes, because the parent process has then ended."""

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _wait_for(child: "subprocess.Popen[bytes]", port: int, name: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise StartError(f"{name} did not start (exit code {child.returncode}). See the error message above.")
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        time.sleep(0.02)
    raise StartError(f"{name} did not start within {START_TIMEOUT} s.")
