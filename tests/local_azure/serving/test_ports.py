"""Listening sockets, and ports in use."""

import os
import socket
from pathlib import Path

import pytest

from local_azure.serving.ports import bind
from tests.support.commands import call

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")


@ON_LINUX
def test_port_in_use_is_an_error_that_names_the_process(state: Path):
    with bind(0) as listener:
        port = listener.getsockname()[1]
        done = call("serve", "--port", port, "--state", state)
        secure = call("serve", "--port", 0, "--https-port", port, "--state", state)
    name = Path("/proc/self/comm").read_text().strip()
    assert done.returncode == secure.returncode == 1
    used = f"local_azure: Port {port} is in use by {name} (process {os.getpid()})."
    message = f"{used} Stop the process that uses it, or choose another port"
    assert (done.stderr, secure.stderr) == (f"{message} with --port.\n", f"{message} with --https-port.\n")


def test_small_responses_are_not_delayed():
    """asyncio disables Nagle's algorithm only for explicit TCP sockets; otherwise each request takes 40 ms."""
    with bind(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
