"""An adapter for `requests` whose timeout bounds the whole exchange, not each step of it.

Built from the hooks that http.client and urllib3 have for it: `response_class`, `ConnectionCls`, pool classes.
"""

import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline. Each read may wait only for what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._read_before = False
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the time allowed is used up")
            if self._read_before:  # the first read has all of the time, as it stands
                self._sock.settimeout(left)
            self._read_before = True
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw: Any = self.fp.detach()
        self.fp: Any = io.BufferedReader(_DeadlineReader(raw, sock))


def _connect(connection: Any) -> socket.socket:
    """A socket to the first address of the host that takes it, all of them together within the timeout.

    An address that is silent costs half of the time left, so that those behind it have their chance.
    """
    deadline = None if connection.timeout is None else time.monotonic() + connection.timeout
    try:
        found = socket.getaddrinfo(connection._dns_host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        raise NameResolutionError(connection.host, connection, error) from error  # type: ignore[arg-type]
    failure: OSError = OSError("no address")
    for number, (*_, address) in enumerate(found, start=1):
        timeout = None
        if deadline is not None:
            left = max(deadline - time.monotonic(), 0.001)
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


class _HTTPConnection(HTTPConnection):
    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HTTPSConnection(HTTPSConnection):
    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        return _connect(self)


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

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Called by `requests`."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
