"""Shutdown on Ctrl+C and other signals."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NoReturn


class ShutdownRequested(BaseException):
    """Raised if Ctrl+C or another signal requests shutdown. A BaseException, like KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _request_shutdown(number: int, frame: FrameType | None) -> NoReturn:
    raise ShutdownRequested(number)


@contextlib.contextmanager
def handle_signals(handler: Callable[[int, FrameType | None], None] = _request_shutdown) -> Iterator[None]:
    """Handle SIGINT, SIGTERM and SIGHUP in the block.

    By default, they raise ShutdownRequested, so that `with` blocks clean up. A process that runs an event loop needs
    another handler, because asyncio cannot handle an exception in its own code.
    """
    previous = {number: signal.signal(number, handler) for number in signal_numbers("SIGINT", "SIGTERM", "SIGHUP")}
    try:
        yield
    finally:
        for number, former in previous.items():
            signal.signal(number, former)


def wait_for_shutdown() -> NoReturn:
    """Wait until ShutdownRequested is raised."""
    # A signal just before a single long sleep would not interrupt the sleep.
    while True:
        time.sleep(1)


def signal_numbers(*names: str) -> Sequence[int]:
    """Return the numbers of these signals. Signals that the operating system does not have are omitted."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
