"""An adapter for `requests` whose timeout bounds the whole exchange, not each step of it.

Built from the hooks that http.client and urllib3 have for it: `response_class`, `ConnectionCls`, pool classes.
"""

import http.client
import io
import socket
import time
from http import HTTPStatus
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

_LEAST = 0.001  # seconds; to a socket, none at all would mean not to wait


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), _LEAST)


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline. Each read may wait only for what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._first = True
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the time allowed is used up")
            if not self._first:  # for the first read the timeout stands as urllib3 has just set it
                self._sock.settimeout(left)
            self._first = False
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw: Any = self.fp.detach()
        self.fp: Any = io.BufferedReader(_DeadlineReader(raw, sock))

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the final answer (RFC 9110 section 15.2).

        http.client takes each interim answer but 100 for the final one. The real one would then wait in the
        connection, for whoever uses it next.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("nobody asked for another protocol")
            if status == HTTPStatus.CONTINUE or not 100 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Until(urllib3.Timeout):
    """A timeout that ends at one moment, `seconds` from now, however many steps and copies there are."""

    def __init__(self, seconds: float) -> None:
        super().__init__(total=max(seconds, _LEAST))
        self._end = time.monotonic() + seconds

    def clone(self) -> "Until":
        """Called by urllib3 for each step: the time does not begin anew."""
        return self

    def start_connect(self) -> float:
        """Called by urllib3; the time has begun already."""
        return 0.0

    @property
    def connect_timeout(self) -> float:
        """What is left."""
        return _left(self._end)

    @property
    def read_timeout(self) -> float:
        """What is left."""
        return self.connect_timeout


def _connect(connection: Any, deadline: float | None) -> socket.socket:
    """A socket to the first address of the host that takes it, all of them together within the deadline.

    An address that is silent costs half of the time left, so that those behind it have their chance.
    """
    try:
        found = socket.getaddrinfo(connection._dns_host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        raise NameResolutionError(connection.host, connection, error) from error  # type: ignore[arg-type]
    failure: OSError = OSError("no address")
    for number, (*_, address) in enumerate(found, start=1):
        timeout = None
        if deadline is not None:
            left = _left(deadline)
            timeout = left if number == len(found) else left / 2
        try:
            return create_connection(
                (str(address[0]), connection.port),
                timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, "no address took the connection in time") from failure
    raise NewConnectionError(connection, "no address took the connection") from failure


class _Bounded:
    """Of a connection: what comes after connecting, a proxy's tunnel and a TLS handshake say, has what is left."""

    response_class: Any = _DeadlineResponse
    sock: Any
    timeout: float | None

    def _new_conn(self) -> socket.socket:
        self._deadline = None if self.timeout is None else time.monotonic() + self.timeout
        sock = _connect(self, self._deadline)
        self._hold(sock)
        return sock

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        self._hold(self.sock)

    def _hold(self, sock: socket.socket) -> None:
        if self._deadline is not None:
            sock.settimeout(_left(self._deadline))


class _HTTPConnection(_Bounded, HTTPConnection):
    pass


class _HTTPSConnection(_Bounded, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose total timeout bounds connecting, headers and body together, direct or through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Called by `requests`."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Called by `requests`. Raises InvalidProxyURL for SOCKS, whose connections are not ours to bound."""
        if not proxy.lower().startswith(("http://", "https://")):
            raise InvalidProxyURL
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
