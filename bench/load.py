"""Calls of one URL, each caller on a connection of its own and calling again as soon as it has its answer.

    python -m bench.load http://127.0.0.1:7072/api/aad-func --callers 16 --seconds 2 --tokens tokens.txt

Prints JSON: calls per second, seconds that a call took, how many answers had which status.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit


class Load:
    """Callers of `url`, until `calls` were made or `seconds` are over; each call has the next of `tokens`, if any."""

    def __init__(self, url: str, *, seconds: float, calls: int, tokens: Iterator[str] | None) -> None:
        self._url = urlsplit(url)
        self._seconds = seconds
        self._left = calls
        self._tokens = tokens
        self._end = 0.0
        self.took: list[float] = []
        self.statuses: Counter[str] = Counter()

    async def run(self, callers: int) -> dict[str, object]:
        """Connect all, then call."""
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Caller(self), self._url.hostname or "", self._url.port or 80)
            for _ in range(callers)
        ]
        start = time.perf_counter()
        self._end = start + self._seconds
        for _, caller in made:
            caller.call()
        for _, caller in made:
            await caller.gone
        took = sorted(self.took) or [0.0]
        return {
            "rate": len(self.took) / (time.perf_counter() - start),
            "median": took[len(took) // 2],
            "longest": took[-1],
            "statuses": self.statuses,
        }

    def next_request(self) -> bytes | None:
        """None where no more are to be made."""
        if self._left <= 0 or time.perf_counter() >= self._end:
            return None
        self._left -= 1
        authorization = f"Authorization: Bearer {next(self._tokens).strip()}\r\n" if self._tokens else ""
        return f"GET {self._url.path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n{authorization}\r\n".encode()


class _Caller(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._waiting = False
        self._started = 0.0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def call(self) -> None:
        request = self._load.next_request()
        self._received = b""
        self._waiting = request is not None
        if request is None:
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, whole, body = self._received.partition(b"\r\n\r\n")
        if whole and len(body) >= _length(head):
            self._load.took.append(time.perf_counter() - self._started)
            self._load.statuses[head[9:12].decode()] += 1
            self.call()

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting:
            self._load.statuses["broken off"] += 1
        self.gone.set_result(None)


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0] or 0)


def main() -> None:
    """Read the arguments, call, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--callers", type=int, default=1, help="calls under way at a time (1)")
    parser.add_argument("--seconds", type=float, default=60, help="no call begins later (60)")
    parser.add_argument("--calls", type=int, default=sys.maxsize, help="how many calls in all (no limit)")
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="a token in each line, used in turn and over again")
    options = parser.parse_args()
    with ExitStack() as stack:
        tokens = itertools.cycle(stack.enter_context(options.tokens.open())) if options.tokens else None
        load = Load(options.url, seconds=options.seconds, calls=options.calls, tokens=tokens)
        with suppress(KeyboardInterrupt):
            print(json.dumps(asyncio.run(load.run(options.callers))))


if __name__ == "__main__":
    main()
