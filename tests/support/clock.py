"""Time that passes when a test says so."""

import time

import pytest

MUCH_LATER = 10  # seconds: what is not cut off in time lasts longer, and no busy machine takes so long


class Clock:
    """Seconds since some moment."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, *, seconds: float = 0, hours: float = 0) -> None:
        self.now += seconds + hours * 3600


class FastForward:
    """The machine's monotonic clock, in this process, with leaps of so many seconds when a test says so.

    A budget of half a minute is used up at once, and what is left of it differs from the whole by far more than a busy
    machine can add.
    """

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self._real = time.monotonic
        self._leapt = 0.0
        environment.setattr(time, "monotonic", self)

    def __call__(self) -> float:
        return self._real() + self._leapt

    def leap(self, seconds: float) -> None:
        self._leapt += seconds

    def real(self) -> float:
        """The clock without its leaps."""
        return self._real()
