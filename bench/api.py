"""An API with a selectable latency: the response to GET /0.1 takes 0.1 seconds.

GET /connections returns the number of connections. GET /peak returns the highest number of requests in flight, and
GET /reset-peak resets this number.

    python -m bench.api

Prints the port and serves requests until standard input is closed.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import requests

from tests.support.apps import APP

# A body of the same size as aad-func's response.
_BODY = {
    "authenticated_by": "bearer_token",
    "caller": dict.fromkeys(("client_id", "object_id", "tenant_id"), "1de00001-c11d-4000-8000-000000000000"),
    "roles": ["DoAll"],
    "claims": {f"claim{number}": "1de00001-c11d-4000-8000-000000000000" for number in range(12)},
}


@dataclass(frozen=True, slots=True)
class Api:
    """A running API."""

    origin: str

    def url(self, latency: float) -> str:
        """Return a URL whose response takes `latency` seconds."""
        return f"{self.origin}/{latency:g}"

    @property
    def connections(self) -> int:
        """The number of connections that clients have opened, except those of this class."""
        return self._number("connections")

    @property
    def peak(self) -> int:
        """The highest number of requests in flight since `reset_peak`."""
        return self._number("peak")

    def reset_peak(self) -> None:
        """Reset `peak` to the number of requests that are in flight now."""
        self._number("reset-peak")

    def _number(self, name: str) -> int:
        return int(requests.get(f"{self.origin}/{name}", timeout=10).json())


@contextlib.contextmanager
def running() -> Iterator[Api]:
    """Run the API in its own process."""
    command = [sys.executable, "-m", "bench.api"]
    with subprocess.Popen(command, cwd=APP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline()) if process.stdout else 0
            yield Api(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    opened = 0
    in_flight = 0
    peak = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._received = b""
        _Connection.opened += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        path = self._received.split(b" ", 2)[1].decode().strip("/")
        self._received = b""
        if path in _COUNTERS:
            _Connection.opened -= 1
            self._respond(_response(_COUNTERS[path]()))
        elif latency := float(path):
            _Connection.in_flight += 1
            _Connection.peak = max(_Connection.peak, _Connection.in_flight)
            asyncio.get_running_loop().call_later(latency, self._respond_late)
        else:
            self._respond(_RESPONSE)

    def _respond_late(self) -> None:
        _Connection.in_flight -= 1
        self._respond(_RESPONSE)

    def _respond(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


def _reset_peak() -> int:
    peak, _Connection.peak = _Connection.peak, _Connection.in_flight
    return peak


_COUNTERS = {
    "connections": lambda: _Connection.opened,
    "peak": lambda: _Connection.peak,
    "reset-peak": _reset_peak,
}


def _response(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_RESPONSE = _response(_BODY)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
