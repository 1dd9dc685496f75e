"""An API for orders that resets the connection of every 50th request, before, within or after the response.

    python -m bench.unreliable_api

GET /orders returns an order. POST /orders stores an order. GET /journal returns the number of times that each order was
stored. The module prints the port and serves requests until standard input is closed.
"""

import asyncio
import contextlib
import itertools
import json
import re
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests

from tests.support.apps import APP

RESET_EVERY = 50  # requests
RESETS = ("before the response", "within the response", "after the response")
IDLE = 0.02  # seconds between a response and a reset, so that the connection returns to the client's pool

_NO_LINGER = struct.pack("ii", 1, 0)  # With this option, closing the socket sends RST.
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the API in its own process and yield its origin."""
    command = [sys.executable, "-m", "bench.unreliable_api"]
    with subprocess.Popen(command, cwd=APP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline()) if process.stdout else 0}"
        finally:
            process.terminate()


def read_journal(origin: str) -> dict[str, Any]:
    """Return `stored` (counts by order), `reset` (orders whose connection was reset) and `resets` (counts by kind)."""
    journal: dict[str, Any] = requests.get(f"{origin}/journal", timeout=10).json()
    return journal


class _Orders:
    def __init__(self) -> None:
        self.stored: Counter[str] = Counter()
        self.reset: list[str] = []
        self.resets: Counter[str] = Counter()
        self._requests = itertools.count(1)
        self._kinds = itertools.cycle(RESETS)

    def next_reset(self) -> str:
        """Return the kind of reset for this request, or "" if the connection is not reset."""
        if next(self._requests) % RESET_EVERY:
            return ""
        kind = next(self._kinds)
        self.resets[kind] += 1
        return kind


class _Connection(asyncio.Protocol):
    def __init__(self, orders: _Orders) -> None:
        self._orders = orders
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, is_complete, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not is_complete or len(body) < int(length[1] if length else 0):
            return
        self._received = b""
        if b" /journal " in head:
            orders = self._orders
            self._transport.write(_response({"stored": orders.stored, "reset": orders.reset, "resets": orders.resets}))
            return
        self._respond(json.loads(body)["order"] if head.startswith(b"POST") else "")

    def _respond(self, order: str) -> None:
        kind = self._orders.next_reset()
        if order:
            self._orders.stored[order] += 1
            if kind:
                self._orders.reset.append(order)
        response = _response({"order": order or "an order"})
        if kind != "before the response":
            self._transport.write(response[: len(response) // 2] if kind == "within the response" else response)
        if kind:
            delay = IDLE if kind == "after the response" else 0
            asyncio.get_running_loop().call_later(delay, self._reset)

    def _reset(self) -> None:
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None and not self._transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()


def _response(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve() -> None:
    loop, orders = asyncio.get_running_loop(), _Orders()
    server = await loop.create_server(lambda: _Connection(orders), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
