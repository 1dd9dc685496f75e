"""The Server-Timing header, which lists the duration of each part of a request (https://www.w3.org/TR/server-timing/)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class ServerTiming:
    """Durations in milliseconds, in the order in which the measured blocks end. Includes blocks that raise."""

    def __init__(self) -> None:
        self._metrics: list[str] = []

    @contextmanager
    def metric(self, name: str, description: str = "") -> Iterator[None]:
        """Record the duration of the block as the metric `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            described = f';desc="{description}"' if description else ""
            self._metrics.append(f"{name}{described};dur={milliseconds:.1f}")

    def __str__(self) -> str:
        return ", ".join(self._metrics)
