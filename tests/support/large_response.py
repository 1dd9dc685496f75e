"""A server whose response is larger than any client should read."""

from dataclasses import dataclass
from typing import Any

from tests.support.scripted import Reply, Scripted

BLOCK = b'"' + b" " * (1024 * 1024 - 1)


@dataclass
class LargeResponse(Scripted):
    """Sends `megabytes` after each reply and counts what the client accepted."""

    megabytes: int = 300
    sent_bytes: int = 0

    def _send(self, connection: Any, reply: Reply) -> None:
        super()._send(connection, reply)
        for _ in range(self.megabytes):
            connection.sendall(BLOCK)
            self.sent_bytes += len(BLOCK)


def large_head(megabytes: int = 300) -> Reply:
    """Return the head of a JSON response of this size."""
    length = megabytes * len(BLOCK)
    return Reply(
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode(), then="close"
    )
