"""An HTTP server on 127.0.0.1, in a thread of this process."""

import contextlib
import socket
import threading
import time
from typing import Any

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"


class StartError(Exception):
    """It cannot start. The message is one sentence with the way out."""


def bind(port: int, option: str = "--port") -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 is any free one. Raises StartError naming the option to change."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port just left by a server that ended is free; one with a listener is not, on any system but Windows.
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise StartError(
            f"Port {port} is taken: stop what listens there, or give another port with {option}."
        ) from None
    return listener


def is_free(port: int) -> bool:
    """Could a server listen on this port at this moment?"""
    with contextlib.suppress(StartError):
        bind(port).close()
        return True
    return False


def only_local_hosts(app: ASGIApp) -> ASGIApp:
    """Refuse foreign Host headers: a web page can reach 127.0.0.1 under a name of its own, but not under this one."""
    return TrustedHostMiddleware(app, allowed_hosts=[LOOPBACK, "localhost"])


def uvicorn_server(app: Any, **options: Any) -> uvicorn.Server:
    """Without access log (the parts log what matters) and without the headers that only advertise."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
            **options,
        )
    )


class BackgroundServer:
    """Serves an ASGI app on a listening socket until stopped. A context manager."""

    def __init__(self, app: Any, listener: socket.socket, **options: Any) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._server = uvicorn_server(app, **options)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name=f"server-{self.port}", daemon=True
        )

    def __enter__(self) -> "BackgroundServer":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise StartError(f"The server on port {self.port} did not start.")
            time.sleep(0.005)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._listener.close()
