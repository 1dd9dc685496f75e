"""One HTTP request exactly as written: no header added, none merged, none tidied up."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 30


@dataclass(frozen=True)
class Call:
    """A GET request. Header names may repeat."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header, one for each line of it."""
        return [value for known, value in self.headers if known.lower() == name.lower()]


def bearer(token: str) -> Call:
    return Call((("Authorization", f"Bearer {token}"),))


def send(url: str, call: Call) -> Answer:
    """GET `url` with exactly these headers (Host apart, and Content-Length where there is a body)."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
    try:
        connection.putrequest("GET", where.path + call.query, skip_accept_encoding=True)
        for name, value in call.headers:
            connection.putheader(name, value.encode("latin-1"))
        if call.body:
            connection.putheader("Content-Length", str(len(call.body)))
        connection.endheaders(call.body or None)
        response = connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()
