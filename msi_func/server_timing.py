"""The Server-Timing header (https://www.w3.org/TR/server-timing/): how long the parts of a request took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class ServerTiming:
    """Metrics in the order in which they end, in milliseconds. A part that fails is measured as well."""

    def __init__(self) -> None:
        self._metrics: list[str] = []

    @contextmanager
    def metric(self, name: str, description: str = "") -> Iterator[None]:
        """Measure the block as metric `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            described = f';desc="{description}"' if description else ""
            self._metrics.append(f"{name}{described};dur={milliseconds:.1f}")

    def __str__(self) -> str:
        return ", ".join(self._metrics)
