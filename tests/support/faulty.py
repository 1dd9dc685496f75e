"""An HTTP server on a real socket that answers as badly as it is told to.

with FaultyServer() as server:
    server.behave("/keys", answer(b"not found", status=404))
    server.behave("/slow", hanging)
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LOOPBACK = "127.0.0.1"
SLOW = 30  # seconds that a slow server takes; a test's end releases it long before
DRIP = 0.01  # seconds between two bytes


class Wire(BaseHTTPRequestHandler):
    """One request, and the connection to answer it on. `released` is set when nobody waits any more."""

    released: threading.Event
    server: "_Server"

    def do_GET(self) -> None:
        self.released = self.server.released
        self.server.asked.append(self.path)
        # A client that has had enough hangs up; that is its right.
        with contextlib.suppress(OSError):
            self.server.behaviours.get(self.path, NOT_FOUND)(self)

    def log_message(self, *_: Any) -> None:
        pass


Behaviour = Callable[[Wire], None]


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Behaviour:
    """A well-formed response."""

    def respond(wire: Wire) -> None:
        wire.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            wire.send_header(name.replace("_", "-"), value)
        wire.end_headers()
        wire.wfile.write(body)

    return respond


def json_answer(value: Any) -> Behaviour:
    return answer(json.dumps(value).encode(), Content_Type="application/json")


def raw(data: bytes) -> Behaviour:
    """These bytes and then the end, whatever HTTP may say."""
    return lambda wire: wire.wfile.write(data) and None


def redirect(url: str, status: int = 302) -> Behaviour:
    return answer(b"", status, Location=url)


def huge(size: int) -> Behaviour:
    """A body of this many bytes, without saying so in advance."""

    def respond(wire: Wire) -> None:
        wire.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(size // 65536):
            wire.wfile.write(b" " * 65536)

    return respond


def hanging(wire: Wire) -> None:
    """Nothing for SLOW seconds, and then an empty answer."""
    wire.released.wait(SLOW)
    answer(b"{}")(wire)


def gated(gate: threading.Event, then: Behaviour) -> Behaviour:
    """The answer, once `gate` opens."""

    def respond(wire: Wire) -> None:
        gate.wait(SLOW)
        then(wire)

    return respond


def dripping(head: bytes, drop: bytes) -> Behaviour:
    """`head` at once and then a drop now and then, so that no single read takes long."""

    def respond(wire: Wire) -> None:
        wire.wfile.write(head)
        while not wire.released.wait(DRIP):
            wire.wfile.write(drop)

    return respond


def reset(wire: Wire) -> None:
    """The connection breaks (RST rather than FIN)."""
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.connection.close()


NOT_FOUND = answer(b"", 404)
DRIPPING_HEADERS = dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")
DRIPPING_BODY = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ")
CUT_SHORT = raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"keys": [')


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Wire)
        self.behaviours: dict[str, Behaviour] = {}
        self.asked: list[str] = []
        self.released = threading.Event()

    def handle_error(self, *_: Any) -> None:
        pass


class FaultyServer:
    """Answers each path as it was told to, 404 where it was not. A context manager."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.asked = self._server.asked  # every path asked for, in order
        self.origin = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def behave(self, path: str, behaviour: Behaviour) -> None:
        self._server.behaviours[path] = behaviour

    def behaviour(self, path: str) -> Behaviour:
        return self._server.behaviours[path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
