"""Send requests to one URL. Each caller has its own connection and sends its next request after each response.

    python -m bench.load http://127.0.0.1:7072/api/aad-func --callers 16 --seconds 2 --tokens tokens.txt

Prints JSON: responses per second, median and longest response time in seconds, and the number of responses by status.
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
    """Sends requests to `url` until `limit` requests were sent or `seconds` have passed.

    Each request carries the next of `tokens`. Callers wait `pause` seconds between a response and their next request.
    """

    def __init__(self, url: str, *, seconds: float, limit: int, tokens: Iterator[str] | None, pause: float = 0) -> None:
        self._url = urlsplit(url)
        self.pause = pause
        self._seconds = seconds
        self._remaining = limit
        self._tokens = tokens
        self._end = 0.0
        self.durations: list[float] = []
        self.statuses: Counter[str] = Counter()

    async def run(self, callers: int) -> dict[str, object]:
        """Connect all callers, send the requests and return the results."""
        loop = asyncio.get_running_loop()
        connections = [
            await loop.create_connection(lambda: _Caller(self), self._url.hostname or "", self._url.port or 80)
            for _ in range(callers)
        ]
        start = time.perf_counter()
        self._end = start + self._seconds
        for index, (_, caller) in enumerate(connections):
            # The first requests are spread over the pause, so that not all callers send at the same time.
            loop.call_later(self.pause * index / callers, caller.send)
        for _, caller in connections:
            await caller.closed
        durations = sorted(self.durations) or [0.0]
        return {
            "rate": len(self.durations) / (time.perf_counter() - start),
            "median": durations[len(durations) // 2],
            "longest": durations[-1],
            "statuses": self.statuses,
        }

    def next_request(self) -> bytes | None:
        """Return the next request, or None if the limit or the end is reached."""
        if self._remaining <= 0 or time.perf_counter() >= self._end:
            return None
        self._remaining -= 1
        authorization = f"Authorization: Bearer {next(self._tokens).strip()}\r\n" if self._tokens else ""
        path = self._url._replace(scheme="", netloc="").geturl()
        return f"GET {path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n{authorization}\r\n".encode()


class _Caller(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._is_waiting = False
        self._start = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send(self) -> None:
        request = None if self._transport.is_closing() else self._load.next_request()
        self._received = b""
        self._is_waiting = request is not None
        if request is None:
            self._transport.close()
            return
        self._start = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, is_complete, body = self._received.partition(b"\r\n\r\n")
        if is_complete and len(body) >= _length(head):
            self._load.durations.append(time.perf_counter() - self._start)
            self._load.statuses[head[9:12].decode()] += 1
            self._is_waiting = False
            if self._load.pause:
                asyncio.get_running_loop().call_later(self._load.pause, self.send)
            else:
                self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_waiting:
            self._load.statuses["connection closed"] += 1
        self.closed.set_result(None)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


def main() -> None:
    """Parse the arguments, send the requests, print the result."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--callers", type=int, default=1, help="number of concurrent callers; default: 1")
    parser.add_argument("--seconds", type=float, default=60, help="time after which no request is sent; default: 60")
    parser.add_argument("--limit", type=int, default=sys.maxsize, help="maximum number of requests; default: no limit")
    parser.add_argument(
        "--pause", type=float, default=0, help="seconds between a response and the next request; default: 0"
    )
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE", help="file with one token per line; the tokens are used in turn"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        tokens = itertools.cycle(stack.enter_context(options.tokens.open())) if options.tokens else None
        load = Load(options.url, seconds=options.seconds, limit=options.limit, tokens=tokens, pause=options.pause)
        with suppress(KeyboardInterrupt):
            print(json.dumps(asyncio.run(load.run(options.callers))))


if __name__ == "__main__":
    main()
