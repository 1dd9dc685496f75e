"""Shutdown by signals."""

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn


class ShutdownRequested(BaseException):
    """This process should end, because of Ctrl+C or a signal. Like KeyboardInterrupt, not an Exception."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def handle_signals() -> Iterator[None]:
    """Raise ShutdownRequested for the signals that end a process, so that `with` blocks clean up."""

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
    # A signal that arrives just before a single long sleep would not end it.
    while True:
        time.sleep(1)


def signal_numbers(*names: str) -> Sequence[int]:
    """Return the signals with these names that the platform has: Windows lacks some."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
