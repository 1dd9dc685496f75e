"""The clock of the managed identity token cache."""

import time


class Clock:
    """A clock in seconds since 1970, which `advance` moves forward.

    Only the token cache uses this clock. Token issuance and validation use the machine's clock, as apps do.
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
