"""Listening sockets on 127.0.0.1."""

import contextlib
import random
import socket

from local_azure.serving.errors import StartError
from local_azure.serving.port_holder import holder

LOOPBACK = "127.0.0.1"


def bind(port: int, option: str = "--port") -> socket.socket:
    """Return a listening socket. Port 0 selects a free port.

    Raises StartError. The message names `option`, with which the user can choose another port.
    """
    # asyncio disables Nagle's algorithm only for sockets that are explicitly TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # On Windows, SO_REUSEADDR would allow two listeners on one port.
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(2048)
    except PermissionError:
        listener.close()
        raise StartError(f"Port {port} is privileged. Choose a port above 1023 with {option}.") from None
    except OverflowError:
        listener.close()
        raise StartError(f"Port {port} does not exist. Choose a port up to 65535 with {option}.") from None
    except OSError:
        listener.close()
        by = holder(port)
        used = f"in use by {by}" if by else "in use"
        raise StartError(
            f"Port {port} is {used}. Stop the process that uses it, or choose another port with {option}."
        ) from None
    return listener


def free_port() -> int:
    """Return a port on which no process listens, for a server that starts later.

    The port is below 32,768, because operating systems assign higher ports to other sockets.
    """
    numbers = random.SystemRandom()
    return next(port for port in iter(lambda: numbers.randrange(15_000, 32_000), 0) if is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    with contextlib.suppress(StartError):
        bind(port).close()
        return True
    return False
