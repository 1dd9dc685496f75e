"""Running a load from here, and taking turns."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.support.apps import APP

LONGEST = 600  # seconds, where it is the number of calls that counts
ANSWER_WITHIN = 60  # seconds, after the time for calls is over


class Failed(Exception):
    """What was to be measured did not work, so its figures say nothing. The message says what came back."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What became of a load: calls per second, seconds that a call took, answers by status."""

    rate: float
    median: float
    longest: float
    statuses: Mapping[str, int]

    @property
    def failed(self) -> int:
        """How many had another answer than 200, or none."""
        return sum(count for status, count in self.statuses.items() if status != "200")


def load(
    url: str, callers: int, *, seconds: float | None = None, calls: int | None = None, tokens: Iterable[str] = ()
) -> Calls:
    """Call `url` for `seconds` or `calls` times, from another process (bench/load.py).

    Raises Failed where a call is left without an answer, or nobody answers at all.
    """
    seconds = seconds or LONGEST
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
        file.writelines(f"{token}\n" for token in tokens)
        file.flush()
        command = [sys.executable, "-m", "bench.load", url, f"--callers={callers}", f"--seconds={seconds}"]
        command += [f"--calls={calls}"] if calls else []
        command += [f"--tokens={file.name}"] if tokens else []
        try:
            done = subprocess.run(
                command, cwd=APP, capture_output=True, text=True, check=True, timeout=seconds + ANSWER_WITHIN
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{url}: a call has had no answer for {ANSWER_WITHIN} s") from None
        except subprocess.CalledProcessError as error:
            raise Failed(f"{url}: {error.stderr.strip().splitlines()[-1]}") from None
    made = Calls(**json.loads(done.stdout))
    if calls and sum(made.statuses.values()) != calls:
        raise Failed(f"{url}: {made.statuses} instead of {calls} calls in {LONGEST} s")
    return made


def good(calls: Calls) -> Calls:
    """The same calls; raises Failed where one of them did."""
    if calls.failed:
        raise Failed(f"answers by status: {calls.statuses}")
    return calls


def by_turns(rounds: int, ours: Callable[[], Calls], theirs: Callable[[], Calls]) -> list[tuple[Calls, Calls]]:
    """The calls of each round, after one round that warms up and is not told. Raises Failed."""
    return [(good(ours()), good(theirs())) for _ in range(rounds + 1)][1:]
