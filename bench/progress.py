"""Progress messages on standard error."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

INTERVAL = 10  # seconds


@contextlib.contextmanager
def heartbeat(what: str, *, interval: float = INTERVAL) -> Iterator[None]:
    """Print `what` and the elapsed seconds every `interval` seconds during the block."""
    stop, start = threading.Event(), time.monotonic()

    def beat() -> None:
        while not stop.wait(interval):
            print(f"{what} ... {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
