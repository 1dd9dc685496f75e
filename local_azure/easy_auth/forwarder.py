"""Passing a request on to a server as it came, and its answer back as it came."""

import http.client
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from local_azure.serving.errors import StartError

TIMEOUT = 230  # seconds; as long as App Service waits for an app
CHUNK = 64 * 1024

# RFC 9110 section 7.6.1: these are about one connection. Host is passed on, and a length is counted anew.
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}

Headers = Iterable[tuple[str, str]]


class Unreachable(Exception):
    """The server does not answer, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is still to be read, and read once."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterator[bytes]


class Forwarder:
    """Sends to one server. `http.client` because it changes nothing: no path made tidy, no cookie, no .netrc."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if not port or parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise StartError(f"{url} is not the address of a local app, such as http://127.0.0.1:7072.")
        self._host, self._port = parts.hostname, port

    def send(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        """Blocks until the answer's headers are there. Raises Unreachable."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise Unreachable(str(error)) from None
        return Answer(response.status, end_to_end(response.getheaders()), _chunks(connection, response))


def end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """Those of the headers that are not about one connection."""
    headers = list(headers)
    named = {
        part.strip().lower() for name, value in headers if name.lower() == "connection" for part in value.split(",")
    }
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | named]


def _chunks(connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    finally:
        response.close()
        connection.close()
