"""A server whose response exceeds every client's limit."""

from dataclasses import dataclass
from typing import Any

from tests.support.scripted import Reply, Scripted

BLOCK = b'"' + b" " * (1024 * 1024 - 1)


@dataclass
class LargeResponse(Scripted):
    """A server that sends `megabytes` MiB after each reply and counts the sent bytes."""

    megabytes: int = 300
    sent_bytes: int = 0

    def _send(self, connection: Any, reply: Reply) -> None:
        super()._send(connection, reply)
        for _ in range(self.megabytes):
            connection.sendall(BLOCK)
            self.sent_bytes += len(BLOCK)


def large_head(megabytes: int = 300) -> Reply:
    """Return the status line and headers of a JSON response of `megabytes` MiB."""
    length = megabytes * len(BLOCK)
    return Reply(
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode(), then="close"
    )
