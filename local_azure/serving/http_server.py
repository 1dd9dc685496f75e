"""HTTP and HTTPS servers on 127.0.0.1, in a thread of this process."""

import asyncio
import logging
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

from local_azure.serving.errors import StartError
from local_azure.serving.ports import LOOPBACK


def require_local_host(app: ASGIApp) -> ASGIApp:
    """Protect against DNS rebinding: reject Host headers other than 127.0.0.1 and localhost."""
    return TrustedHostMiddleware(app, allowed_hosts=[LOOPBACK, "localhost"])


def uvicorn_server(app: Any, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """Return a server that writes no access log and sends no `Server` header."""
    logging.getLogger("uvicorn.error").addFilter(_is_not_shutdown)
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


def _is_not_shutdown(record: logging.LogRecord) -> bool:
    """Return False for log records about requests that are canceled because the server stops."""
    cancelled = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cancelled and "timeout graceful shutdown exceeded" not in record.getMessage()


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and abort connections that are still busy after the graceful shutdown."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if transport := getattr(connection, "transport", None):
                transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the event loop's next iteration


class _Protocol(H11Protocol):
    """Makes the transport available to each request, so that a fault can reset the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket. `tls` is None for http."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None


class BackgroundServer:
    """A context manager that serves an ASGI app on all listeners in one background thread."""

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
