"""What each hop of a call took, for a Server-Timing header (https://www.w3.org/TR/server-timing/)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Timing:
    """Milliseconds by hop, in order. Filled also when a hop fails."""

    def __init__(self) -> None:
        self._hops: list[str] = []

    @contextmanager
    def hop(self, name: str, describe: Callable[[], str] = lambda: "") -> Iterator[None]:
        """Time the block; `describe` is asked when it ends, and may have nothing to say."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            said = describe()
            description = f';desc="{said}"' if said else ""
            self._hops.append(f"{name}{description};dur={spent:.1f}")

    def __str__(self) -> str:
        return ", ".join(self._hops)
