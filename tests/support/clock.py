"""Time that passes when a test says so."""


class Clock:
    """Seconds since some moment."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, *, seconds: float = 0, hours: float = 0) -> None:
        self.now += seconds + hours * 3600
