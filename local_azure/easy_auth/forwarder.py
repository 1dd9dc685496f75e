"""Forwarding of requests to a server, unchanged in both directions."""

import http.client
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from local_azure.serving.errors import StartError

TIMEOUT = 230  # seconds; App Service's limit for an app's response
CHUNK = 64 * 1024

# RFC 9110 section 7.6.1. Host is forwarded, and Content-Length is set anew.
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


class UpstreamUnreachable(Exception):
    """The server does not respond, or its response is not valid HTTP."""


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """A response whose body can be read once."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterator[bytes]


class Forwarder:
    """Forwards to one server, with `http.client` because it normalizes no path and adds no cookies or credentials."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if not port or parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise StartError(f"{url} is not the address of a local app, such as http://127.0.0.1:7072.")
        self._host, self._port = parts.hostname, port

    def send(self, method: str, path: str, headers: Headers, body: bytes) -> UpstreamResponse:
        """Return the response as soon as its headers have arrived. Raises UpstreamUnreachable."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise UpstreamUnreachable(str(error)) from None
        return UpstreamResponse(
            response.status, without_hop_by_hop(response.getheaders()), _chunks(connection, response)
        )


def without_hop_by_hop(headers: Headers) -> list[tuple[str, str]]:
    """Return the headers that do not concern a single connection only."""
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
