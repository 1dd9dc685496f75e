"""The Server-Timing header (https://www.w3.org/TR/server-timing/): how long the parts of a request took."""

import time


class ServerTiming:
    """Metrics in the order in which they end, in milliseconds. A part that fails has its metric as well."""

    def __init__(self) -> None:
        self._metrics: list[str] = []

    def metric(self, name: str, description: str = "") -> "_Metric":
        """Return a context manager that measures its block as metric `name`."""
        return _Metric(self._metrics, f'{name};desc="{description}"' if description else name)

    def __str__(self) -> str:
        return ", ".join(self._metrics)


class _Metric:
    # A class, because a generator as a context manager takes twice as long, on each request.
    def __init__(self, metrics: list[str], name: str) -> None:
        self._metrics = metrics
        self._name = name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._metrics.append(f"{self._name};dur={(time.perf_counter() - self._start) * 1000:.1f}")
