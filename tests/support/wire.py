"""Send an HTTP request exactly as written, without adding, merging or normalizing headers."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Call:
    """A GET request. Header names can repeat."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return all values of a header, one for each of its lines."""
        return [value for each, value in self.headers if each.lower() == name.lower()]


def bearer(token: str) -> Call:
    return Call((("Authorization", f"Bearer {token}"),))


def send(url: str, call: Call) -> Response:
    """Send the request with exactly its headers, plus Host and, if there is a body, Content-Length."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.putrequest("GET", parts.path + call.query, skip_accept_encoding=True)
        for name, value in call.headers:
            connection.putheader(name, value.encode("latin-1"))
        if call.body:
            connection.putheader("Content-Length", str(len(call.body)))
        connection.endheaders(call.body or None)
        response = connection.getresponse()
        return Response(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()
