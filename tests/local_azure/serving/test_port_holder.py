"""The process that listens on a port."""

import os
import socket
from pathlib import Path

import pytest

from local_azure.serving.port_holder import holder
from local_azure.serving.ports import bind

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENING, ESTABLISHED = "0A", "01"


def test_free_port_has_no_holder():
    with bind(0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert holder(client.getsockname()[1]) is None
    assert holder(port) is None


def row(port: int, inode: int, address: str = "0100007F", state: str = LISTENING) -> str:
    """Return a line of /proc/net/tcp, as in proc_net_tcp.rst."""
    return (
        f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000 0 {inode} 1\n"
    )


def process(proc: Path, number: int, name: str, *inodes: int) -> None:
    descriptors = proc / str(number) / "fd"
    descriptors.mkdir(parents=True)
    (proc / str(number) / "comm").write_text(f"{name}\n")
    (descriptors / "0").symlink_to("/dev/null")
    for index, inode in enumerate(inodes, 3):
        (descriptors / str(index)).symlink_to(f"socket:[{inode}]")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Create a /proc folder with two processes that listen and one that has just ended."""
    (tmp_path / "net").mkdir()
    rows = row(8400, 11) + row(8443, 12, state=ESTABLISHED) + row(7071, 13)
    (tmp_path / "net" / "tcp").write_text(HEADER + rows)
    (tmp_path / "net" / "tcp6").write_text(HEADER + row(7072, 14, "0" * 32))
    (tmp_path / "1").mkdir()
    process(tmp_path, 10, "python3", 11, 12)
    process(tmp_path, 20, "node", 14)
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
@pytest.mark.parametrize(
    ("why", "port", "expected"),
    [
        ("a listening socket", 8400, "python3 (process 10)"),
        ("an IPv6 socket", 7072, "node (process 20)"),
        ("a connection", 8443, None),
        ("a socket of another user's process", 7071, None),
        ("no socket", 1, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_holder_is_the_process_with_the_listening_socket(why, port, expected, proc: Path):
    assert holder(port, proc) == expected


def test_holder_is_unknown_without_proc(tmp_path: Path):
    assert holder(8400, tmp_path / "none") is None
