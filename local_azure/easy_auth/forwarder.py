"""Forward requests to an app and return the app's responses."""

import http.client
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from local_azure.serving.errors import StartError

TIMEOUT = 230  # seconds; App Service's limit for an app's response
CHUNK = 64 * 1024

# Headers that apply to a single connection: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
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
    """The app does not respond, or the response is not valid HTTP."""


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """A response. The body can be read only once."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterator[bytes]


class Forwarder:
    """Forwards requests to one app. Uses http.client, which does not normalize paths or add cookies."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if not port or parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise StartError(f"{url} must be an http URL without a path, such as http://127.0.0.1:7072.")
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
    """Return the headers except those that apply to a single connection."""
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
