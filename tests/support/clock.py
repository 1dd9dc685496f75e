"""Clocks that a test advances."""

import time

import pytest

MUCH_LATER = 10  # seconds; longer than any scheduling delay, shorter than a missed time limit


class Clock:
    """A manually advanced clock."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, *, seconds: float = 0, hours: float = 0) -> None:
        self.now += seconds + hours * 3600


class FastForward:
    """A replacement of time.monotonic that a test can advance, in addition to real time.

    A test skips most of a time limit and measures the rest in real time. Scheduling delays are shorter than the skip.
    """

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self._real = time.monotonic
        self._skipped = 0.0
        environment.setattr(time, "monotonic", self)

    def __call__(self) -> float:
        return self._real() + self._skipped

    def leap(self, seconds: float) -> None:
        self._skipped += seconds

    def real(self) -> float:
        """Return the real monotonic time."""
        return self._real()
