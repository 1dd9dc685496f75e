"""One careful HTTP request over `requests`: bounded in time and size, adding nothing and keeping nothing.

`requests` bounds each read, not the whole answer: a server that sends a byte now and then holds a caller for as long
as it likes. Here the time allowed covers connecting, headers and body together. (Looking up a host name is
the operating system's and is not covered.)
"""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_CHUNK = 64 * 1024


class HttpError(Exception):
    """There is no answer. The message says why and holds nothing that was sent or received."""


class Unreachable(HttpError):
    """No connection, or it broke before the answer was complete."""


class TooSlow(HttpError):
    """The answer was not complete in the time allowed."""


class TooLarge(HttpError):
    """The answer is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. Header names match without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def session(connections: int = 4) -> requests.Session:
    """A session with keep-alive for `connections` at a time per host, to be shared by threads.

    Nothing slips in: no credentials from .netrc, no cookies kept between calls. Proxies and CA bundles named by the
    environment (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE) go on working.
    """
    new = requests.Session()
    new.auth = _NoAuth()  # requests puts .netrc credentials in place of an Authorization header unless there is one
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    new.headers.clear()
    for scheme in ("http://", "https://"):
        new.mount(scheme, _DeadlineAdapter(pool_connections=4, pool_maxsize=connections))
    return new


def get(
    through: requests.Session, url: str, *, seconds: float, max_bytes: int, headers: Mapping[str, str] | None = None
) -> Answer:
    """GET `url`: see `send`."""
    return send(through, "GET", url, seconds=seconds, max_bytes=max_bytes, headers=headers)


def send(
    through: requests.Session,
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request, within `seconds` in all and up to `max_bytes`; no redirect is followed, no retry made.

    Raises Unreachable, TooSlow or TooLarge. A status of 400 or more is an answer like any other.
    """
    # No compression: a small answer must not become a large one.
    sent = {"Accept-Encoding": "identity", **(headers or {})}
    limit = urllib3.Timeout(total=max(seconds, 0.001))
    try:
        with through.request(
            method,
            url,
            headers=sent,
            data=body,
            timeout=limit,  # type: ignore[arg-type]
            allow_redirects=False,
            stream=True,
        ) as response:
            received = bytearray()
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                received += chunk
                if len(received) > max_bytes:
                    raise TooLarge(f"the answer is larger than {max_bytes} bytes")
            return Answer(response.status_code, response.headers, bytes(received))
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise TooSlow(f"no complete answer within {seconds:.3g} s") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unreachable("no connection, or it broke off") from error


class _NoAuth(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline. Each read may wait only for what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the time allowed is used up")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw: Any = self.fp.detach()
        self.fp: Any = io.BufferedReader(_DeadlineReader(raw, sock))


class _HTTPConnection(HTTPConnection):
    response_class = _DeadlineResponse


class _HTTPSConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _DeadlineAdapter(HTTPAdapter):
    """An adapter whose read timeout bounds the whole answer, direct or through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
