"""The clock of the platform's caches."""

import time


class Clock:
    """This machine's time in seconds since the epoch, moved forward by `advance`.

    Only cached entries age by it. Tokens carry and are validated by the machine's time, because apps use that as well.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._offset += seconds

    def reset(self) -> None:
        """Return to this machine's time."""
        self._offset = 0.0
