"""An HTTP server on 127.0.0.1 that sends scripted responses, including invalid ones."""

import contextlib
import json
import os
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

DRIP_EVERY = 0.05  # seconds between bytes
FLOOD_BYTES = 2**30


@dataclass(frozen=True)
class Request:
    """A received request."""

    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """A response as bytes, and the next action: keep the connection open, hang, close or reset it.

    With `drip`, the bytes after the first `whole` ones are sent one at a time. `flood` is sent repeatedly after `data`,
    until the client disconnects or FLOOD_BYTES are sent.
    """

    data: bytes = b""
    flood: bytes = b""
    drip: bool = False
    whole: int = 0
    then: str = "keep open"  # or "hang", "close", "reset"


def http(status: int, body: bytes = b"", **headers: str) -> Reply:
    """Return a valid response. Underscores in header names stand for hyphens."""
    fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Reply(f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + body)


def as_json(status: int, value: Any, **headers: str) -> Reply:
    return http(status, json.dumps(value).encode(), Content_Type="application/json", **headers)


HANG = Reply(then="hang")
RESET = Reply(then="reset")
CLOSE = Reply(then="close")


@dataclass
class Scripted:
    """A server that runs until the block exits and then closes hanging connections. `answer` can be replaced."""

    answer: Callable[[Request], Reply]
    port: int = 0
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    flooded: int = 0  # bytes of `Reply.flood` that were sent

    def __enter__(self) -> "Scripted":
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        script = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with script._lock:
                    script.connections += 1
                    script._open.add(self.connection)
                with contextlib.suppress(OSError):
                    script._serve(self.rfile, self.connection)
                with script._lock:
                    script._open.discard(self.connection)

            def setup(self) -> None:
                if script.tls:
                    self.request = script.tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def finish(self) -> None:
                super().finish()
                if script.tls:
                    self.request.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 256
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.origin = f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def push(self, data: bytes) -> None:
        """Send unrequested data on every open connection."""
        with self._lock:
            for connection in self._open:
                connection.sendall(data)

    def disconnect(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_WR)

    def _serve(self, lines: Any, connection: socket.socket) -> None:
        while True:
            first = lines.readline().decode("latin-1").split()
            if len(first) != 3:
                return
            headers = {}
            while (line := lines.readline().decode("latin-1").strip()) != "":
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = lines.read(int(headers.get("content-length", 0)))
            request = Request(first[0], first[1], headers, body)
            with self._lock:
                self.requests.append(request)
            reply = self.answer(request)
            self._send(connection, reply)
            if reply.then != "keep open":
                return

    def _send(self, connection: socket.socket, reply: Reply) -> None:
        if reply.drip:
            connection.sendall(reply.data[: reply.whole])
            for byte in reply.data[reply.whole :]:
                connection.sendall(bytes([byte]))
                if self._ended.wait(DRIP_EVERY):
                    return
        else:
            connection.sendall(reply.data)
        while reply.flood and self.flooded < FLOOD_BYTES and not self._ended.is_set():
            connection.sendall(reply.flood)
            self.flooded += len(reply.flood)
        if reply.then == "hang":
            self._ended.wait()
        if reply.then == "reset":
            # SO_LINGER with a timeout of 0 makes close() send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.detach())


def certified(folder: Path, environment: pytest.MonkeyPatch, host: str = "127.0.0.1") -> ssl.SSLContext:
    """Return a server's TLS context. HTTP sessions created after this call trust its certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for setting in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):  # read by aiohttp and by requests
        environment.setenv(setting, str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


@contextlib.contextmanager
def tunneling_proxy(target: str) -> Iterator[tuple[str, list[bytes]]]:
    """Run an HTTP proxy that tunnels everything to `target`, and yield its URL and the CONNECT requests."""
    requests: list[bytes] = []
    host, port = target.rpartition("/")[2].split(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (byte := self.request.recv(1)):
                    return
                head += byte
            requests.append(head)
            with socket.create_connection((host, int(port))) as other:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(other, self.request), daemon=True)
                back.start()
                _copy(self.request, other)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", requests
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def dripping(reply: Reply) -> Reply:
    """Return the reply, sent one byte at a time."""
    return replace(reply, drip=True)


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Return the replies in order, then repeat the last one."""
    remaining = list(replies)
    return lambda request: remaining.pop(0) if len(remaining) > 1 else remaining[0]
