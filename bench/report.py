"""The rows of the report: one measurement, what it is compared with, and its goal."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

Pairs = Iterable[tuple[float, float]]  # ours and theirs by round: what else the machine did affected both


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is comparable between machines; `is_reached` says whether the goal is, None if there is no goal."""

    name: str
    baseline: str
    ours: str
    theirs: str
    ratio: float | None
    goal: str = ""
    is_reached: bool | None = None

    def __str__(self) -> str:
        compared = f" against {self.theirs} ({self.baseline}): {self.ratio:.2f}" if self.ratio is not None else ""
        return f"{self.name}: {self.ours}{compared}{'  MISSED' if self.is_reached is False else ''}"


def speedup(name: str, baseline: str, costs: Pairs, unit: str, *, least: float | None = None) -> Row:
    """Return a row whose ratio is theirs divided by ours, because less is better."""
    row = _row(name, baseline, costs, unit, lambda ours, theirs: theirs / ours)
    return _judged(row, least, None)


def ratio(
    name: str, baseline: str, numbers: Pairs, unit: str, *, least: float | None = None, most: float | None = None
) -> Row:
    """Return a row whose ratio is ours divided by theirs."""
    row = _row(name, baseline, numbers, unit, lambda ours, theirs: ours / theirs)
    return _judged(row, least, most)


def value(name: str, ours: float, unit: str = "", *, least: float | None = None, most: float | None = None) -> Row:
    """Return a row for a number that is compared only with its limits."""
    goal, is_reached = _goal(ours, least, most, unit)
    return Row(name, "", _text(ours, unit), "", None, goal, is_reached)


def table(rows: Iterable[Row]) -> str:
    """Return all rows as a Markdown table."""
    from tabulate import tabulate

    marks = {None: "", True: "ok", False: "MISSED"}
    cells = [
        (
            row.name,
            row.baseline,
            row.ours,
            row.theirs,
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.goal,
            marks[row.is_reached],
        )
        for row in rows
    ]
    headers = ("measurement", "baseline", "ours", "theirs", "ratio", "goal", "")
    alignment = ("left", "left", "right", "right", "right")
    return str(tabulate(cells, headers, tablefmt="github", disable_numparse=True, colalign=alignment))


def _row(name: str, baseline: str, numbers: Pairs, unit: str, ratio: Callable[[float, float], float]) -> Row:
    rounds = list(numbers)
    ours, theirs = zip(*rounds, strict=True)
    return Row(name, baseline, _spread(ours, unit), _spread(theirs, unit), statistics.median(ratio(*x) for x in rounds))


def _spread(numbers: tuple[float, ...], unit: str) -> str:
    """Return the median and half the distance between the quartiles."""
    text = _text(statistics.median(numbers), unit)
    if len(numbers) < 4:
        return text
    low, _, high = statistics.quantiles(numbers)
    return text.replace(f" {unit}", f" ± {_text((high - low) / 2, '')} {unit}")


def _judged(row: Row, least: float | None, most: float | None) -> Row:
    goal, is_reached = _goal(row.ratio or 0, least, most, "")
    return replace(row, goal=goal, is_reached=is_reached)


def _goal(number: float, least: float | None, most: float | None, unit: str) -> tuple[str, bool | None]:
    limits = {"or more": least, "or less": most}
    goal = ", ".join(f"{_limit(limit, unit)} {words}" for words, limit in limits.items() if limit is not None)
    is_reached = (least is None or number >= least) and (most is None or number <= most)
    return goal, is_reached if goal else None


def _limit(limit: float, unit: str) -> str:
    return _text(limit, unit) if unit else f"{limit:,g}"


def _text(number: float, unit: str) -> str:
    digits = 0 if number >= 100 or number == int(number) else 1 if number >= 1 else 2
    return f"{number:,.{digits}f} {unit}".strip()
