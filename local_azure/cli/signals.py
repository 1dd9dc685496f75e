"""Shutdown on Ctrl+C and other signals."""

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn


class ShutdownRequested(BaseException):
    """Raised if Ctrl+C or another signal requests shutdown. A BaseException, like KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def handle_signals() -> Iterator[None]:
    """Raise ShutdownRequested on SIGINT, SIGTERM and SIGHUP, so that `with` blocks clean up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise ShutdownRequested(number)

    handlers = {number: signal.signal(number, stop) for number in signal_numbers("SIGINT", "SIGTERM", "SIGHUP")}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def wait_for_shutdown() -> NoReturn:
    """Wait until ShutdownRequested is raised."""
    # A signal just before a single long sleep would not interrupt the sleep.
    while True:
        time.sleep(1)


def signal_numbers(*names: str) -> Sequence[int]:
    """Return the numbers of these signals. Signals that the operating system does not have are omitted."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
