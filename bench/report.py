"""The rows of a report: measurements, baselines, ratios and goals."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Pairs = Iterable[tuple[float, float]]  # the numbers of this app and of the baseline, by round


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `is_reached` is None if there is no goal."""

    name: str
    baseline: str
    ours: str
    theirs: str
    ratio: float | None = None
    spread: float = 0
    goal: str = ""
    is_reached: bool | None = None

    @property
    def compared(self) -> str:
        """The ratio with its spread, or "" if there is no ratio."""
        spread = f" ± {self.spread:.3f}" if self.spread else ""
        return "" if self.ratio is None else f"{self.ratio:.3f}{spread}"

    def __str__(self) -> str:
        compared = f" against {self.theirs} ({self.baseline}): {self.compared}" if self.compared else ""
        return f"{self.name}: {self.ours}{compared}{'  MISSED' if self.is_reached is False else ''}"


def speedup(
    name: str,
    baseline: str,
    costs: Pairs,
    unit: str,
    *,
    least: float | None = None,
    typical: Callable[[Sequence[float]], float] = min,
) -> Row:
    """Return a row that compares costs. The ratio is theirs divided by ours, because lower costs are better.

    By default, the ratio compares the cheapest round of each side, as timeit does, because other work on the machine
    only increases costs.
    """
    return _row(name, baseline, costs, unit, lambda ours, theirs: theirs / ours, (least, None), typical)


def ratio(
    name: str, baseline: str, numbers: Pairs, unit: str, *, least: float | None = None, most: float | None = None
) -> Row:
    """Return a row whose ratio is ours divided by theirs."""
    return _row(name, baseline, numbers, unit, lambda ours, theirs: ours / theirs, (least, most), statistics.median)


def value(name: str, ours: float, unit: str = "", *, least: float | None = None, most: float | None = None) -> Row:
    """Return a row for a number that is compared with limits, not with a baseline."""
    goal, is_reached = _goal(ours, least, most, unit)
    return Row(name, "", _text(ours, unit), "", goal=goal, is_reached=is_reached)


def table(rows: Iterable[Row]) -> str:
    """Return all rows as a Markdown table."""
    from tabulate import tabulate

    marks = {None: "", True: "ok", False: "MISSED"}
    cells = [
        (row.name, row.baseline, row.ours, row.theirs, row.compared, row.goal, marks[row.is_reached]) for row in rows
    ]
    headers = ("measurement", "baseline", "ours", "theirs", "ratio", "goal", "")
    alignment = ("left", "left", "right", "right", "right")
    return str(tabulate(cells, headers, tablefmt="github", disable_numparse=True, colalign=alignment))


def _row(
    name: str,
    baseline: str,
    numbers: Pairs,
    unit: str,
    ratio: Callable[[float, float], float],
    limits: tuple[float | None, float | None],
    typical: Callable[[Sequence[float]], float],
) -> Row:
    rounds = list(numbers)
    ours, theirs = zip(*rounds, strict=True)
    compared = ratio(typical(ours), typical(theirs))
    spread = _deviation([ratio(*each) for each in rounds])
    cells = [f"{_text(typical(each), '')}{_plus_minus(each)} {unit}".strip() for each in (ours, theirs)]
    goal, is_reached = _goal(compared, *limits, "")
    return Row(name, baseline, cells[0], cells[1], compared, spread, goal, is_reached)


def _goal(number: float, least: float | None, most: float | None, unit: str) -> tuple[str, bool | None]:
    """Return the goal as text, and whether the unrounded number is within the limits."""
    limits = {"or more": least, "or less": most}
    goal = ", ".join(f"{limit:,g} {unit}".strip() + f" {words}" for words, limit in limits.items() if limit is not None)
    is_reached = (least is None or number >= least) and (most is None or number <= most)
    return goal, is_reached if goal else None


def _deviation(numbers: Sequence[float]) -> float:
    """Return half the distance between the quartiles, or 0 if there are fewer than four numbers."""
    if len(numbers) < 4:
        return 0
    low, _, high = statistics.quantiles(numbers)
    return (high - low) / 2


def _plus_minus(numbers: Sequence[float]) -> str:
    return f" ± {_text(_deviation(numbers), '')}" if len(numbers) >= 4 else ""


def _text(number: float, unit: str) -> str:
    digits = 0 if number >= 100 or number == int(number) else 1 if number >= 1 else 2
    return f"{number:,.{digits}f} {unit}".strip()
