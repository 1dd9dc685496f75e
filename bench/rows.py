"""One measurement beside another, and the table of all."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Pairs = Iterable[tuple[float, float]]  # ours and theirs, of each round: what the machine did meanwhile met both


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is what travels between machines; `reached` says whether the goal is, None where there is no goal."""

    what: str
    against: str
    ours: str
    theirs: str
    ratio: float | None
    goal: str = ""
    reached: bool | None = None

    def __str__(self) -> str:
        beside = f" beside {self.theirs} of {self.against}" if self.against else ""
        return f"{self.what}: {self.ours}{beside}{'  MISSED' if self.reached is False else ''}"


def times_faster(what: str, against: str, seconds: Pairs, *, least: float | None = None) -> Row:
    """Theirs divided by ours: `least` or more."""
    micro = [(ours * 1e6, theirs * 1e6) for ours, theirs in seconds]
    row = _row(what, against, micro, "µs", lambda ours, theirs: theirs / ours)
    return row if least is None else _judged(row, f"{least:g} or more", lambda ratio: ratio >= least)


def share(
    what: str, against: str, numbers: Pairs, unit: str, *, least: float | None = None, most: float | None = None
) -> Row:
    """Ours divided by theirs: `least` or more, or `most` or less."""
    row = _row(what, against, numbers, unit, lambda ours, theirs: ours / theirs)
    if least is not None:
        row = _judged(row, f"{least:g} or more", lambda ratio: ratio >= least)
    if most is not None:
        row = _judged(row, f"{most:g} or less", lambda ratio: ratio <= most)
    return row


def number(what: str, ours: float, unit: str = "", *, least: float | None = None, most: float | None = None) -> Row:
    """A number that is compared with nothing but its limits."""
    words = {"or more": least, "or less": most}
    goal = ", ".join(f"{_text(limit, unit)} {word}" for word, limit in words.items() if limit is not None)
    reached = (least is None or ours >= least) and (most is None or ours <= most)
    return Row(what, "", _text(ours, unit), "", None, goal, reached if goal else None)


def table(rows: Iterable[Row]) -> str:
    """All rows, as a terminal shows them and Markdown takes them."""
    from tabulate import tabulate

    marks = {None: "", True: "ok", False: "MISSED"}
    cells = [
        (
            row.what,
            row.against,
            row.ours,
            row.theirs,
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.goal,
            marks[row.reached],
        )
        for row in rows
    ]
    headers = ("what", "against", "ours", "theirs", "ratio", "goal", "")
    sides = ("left", "left", "right", "right", "right")
    return str(tabulate(cells, headers, tablefmt="github", disable_numparse=True, colalign=sides))


def _row(what: str, against: str, numbers: Pairs, unit: str, ratio: Callable[[float, float], float]) -> Row:
    rounds = list(numbers)
    ours, theirs = (_text(statistics.median(column), unit) for column in zip(*rounds, strict=True))
    return Row(what, against, ours, theirs, statistics.median(ratio(*each) for each in rounds))


def _judged(row: Row, goal: str, reached: Callable[[float], bool]) -> Row:
    ratio = row.ratio or 0
    return Row(row.what, row.against, row.ours, row.theirs, ratio, goal, reached(ratio))


def _text(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1
    return f"{value:,.{digits}f} {unit}".strip()
