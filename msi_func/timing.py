"""What each hop of a call took, for a Server-Timing header (https://www.w3.org/TR/server-timing/)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timing:
    """Milliseconds by hop, in order. Filled also when a hop fails."""

    def __init__(self) -> None:
        self._hops: list[str] = []

    @contextmanager
    def hop(self, name: str) -> Iterator[list[str]]:
        """Time the block; what it appends to the list it is given becomes the hop's description."""
        start = time.perf_counter()
        notes: list[str] = []
        try:
            yield notes
        finally:
            description = "".join(f';desc="{note}"' for note in notes if note)
            self._hops.append(f"{name}{description};dur={(time.perf_counter() - start) * 1000:.1f}")

    def __str__(self) -> str:
        return ", ".join(self._hops)
