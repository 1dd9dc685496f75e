"""HTTP and HTTPS servers on 127.0.0.1, in a thread of this process."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from local_azure.port_holder import holder

LOOPBACK = "127.0.0.1"


class StartError(Exception):
    """It cannot start. The message is one sentence with the way out."""


def bind(port: int, option: str = "--port") -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 is any free one. Raises StartError naming the option to change."""
    # Named as TCP, since asyncio switches off the delay of small packets only where it sees that.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port just left by a server that ended is free; one with a listener is not, on any system but Windows.
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(2048)
    except PermissionError:
        listener.close()
        raise StartError(f"Port {port} is not for everyone to use: give one above 1023 with {option}.") from None
    except OverflowError:
        listener.close()
        raise StartError(f"Port {port} does not exist: give one up to 65535 with {option}.") from None
    except OSError:
        listener.close()
        by = holder(port)
        raise StartError(
            f"Port {port} is taken{f' by {by}' if by else ''}: stop that, or give another port with {option}."
        ) from None
    return listener


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with bind(0) as listener:
        port: int = listener.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Could a server listen on this port at this moment?"""
    with contextlib.suppress(StartError):
        bind(port).close()
        return True
    return False


def only_local_hosts(app: ASGIApp) -> ASGIApp:
    """Refuse foreign Host headers: a web page can reach 127.0.0.1 under a name of its own, but not under this one."""
    return TrustedHostMiddleware(app, allowed_hosts=[LOOPBACK, "localhost"])


def uvicorn_server(app: Any, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """Without access log (the parts log what matters) and without the headers that only advertise."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and let go of connections that are still busy when the time for a good end is over."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if transport := getattr(connection, "transport", None):
                transport.abort()
        await asyncio.sleep(0)  # what is aborted closes its socket in the loop's next round


class _Protocol(H11Protocol):
    """Hands each request its connection, so that one can be broken off on purpose (see traffic.py)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket to serve on, with TLS or without."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None


class BackgroundServer:
    """Serves an ASGI app on listening sockets, all in one thread, until stopped. A context manager."""

    def __init__(self, app: Any, listeners: Iterable[Listener]) -> None:
        self._servers = [(uvicorn_server(app, listener.tls), listener.socket) for listener in listeners]
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="local_azure", daemon=True)

    def __enter__(self) -> "BackgroundServer":
        self._thread.start()
        while not all(server.started for server, _ in self._servers):
            if not self._thread.is_alive():
                raise StartError("The server did not start.")
            time.sleep(0.005)
        return self

    def __exit__(self, *error: object) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        self._thread.join(timeout=5)
        for _, listener in self._servers:
            listener.close()

    async def _serve(self) -> None:
        await asyncio.gather(*(server.serve([listener]) for server, listener in self._servers))
