"""Runs loads in another process, and interleaves those that are compared."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.support.apps import APP, Host

MAX_SECONDS = 600  # if the number of requests is limited instead
RESPONSE_TIMEOUT = 60  # seconds, after the last request was sent


class MeasurementError(Exception):
    """What was to be measured did not work, so its numbers mean nothing. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Responses per second, seconds per response, responses by status, CPU seconds of the host per 1,000 responses."""

    rate: float
    median: float
    longest: float
    statuses: Mapping[str, int]
    cpu: float

    @property
    def failed(self) -> int:
        """The number of requests without a 200 response."""
        return sum(count for status, count in self.statuses.items() if status != "200")


def load(
    host: Host,
    function: str,
    callers: int,
    *,
    seconds: float | None = None,
    limit: int | None = None,
    tokens: Iterable[str] = (),
    pause: float = 0,
    query: str = "",
) -> LoadResult:
    """Send requests to a function for `seconds`, or `limit` requests, from another process (bench/load.py).

    Raises MeasurementError if a request stays without a response, or no connection is possible.
    """
    url, seconds = host.url(function) + query, seconds or MAX_SECONDS
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
        file.writelines(f"{token}\n" for token in tokens)
        file.flush()
        command = [sys.executable, "-m", "bench.load", url, f"--callers={callers}", f"--seconds={seconds}"]
        command += [f"--pause={pause}"] if pause else []
        command += [f"--limit={limit}"] if limit else []
        command += [f"--tokens={file.name}"] if tokens else []
        cpu = cpu_seconds(host)
        try:
            done = subprocess.run(
                command, cwd=APP, capture_output=True, text=True, check=True, timeout=seconds + RESPONSE_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"{url}: no response within {RESPONSE_TIMEOUT} s") from None
        except subprocess.CalledProcessError as error:
            raise MeasurementError(f"{url}: {error.stderr.strip().splitlines()[-1]}") from None
    output = json.loads(done.stdout)
    count = sum(output["statuses"].values())
    if limit and count != limit:
        raise MeasurementError(f"{url}: {output['statuses']} instead of {limit} requests in {MAX_SECONDS} s")
    return LoadResult(**output, cpu=(cpu_seconds(host) - cpu) / max(count, 1) * 1000)


def cpu_seconds(host: Host) -> float:
    """Return the CPU seconds that the host's process has used since it started."""
    import psutil

    times = psutil.Process(host.pid).cpu_times()
    return float(times.user + times.system)


def successful(result: LoadResult) -> LoadResult:
    """Return the same result. Raises MeasurementError if a request failed."""
    if result.failed:
        raise MeasurementError(f"responses by status: {result.statuses}")
    return result


def interleave(rounds: int, *contenders: Callable[[], LoadResult]) -> list[tuple[LoadResult, ...]]:
    """Return the results of all contenders by round, without those of one warm-up round. Raises MeasurementError.

    The order is reversed in every other round, so that a machine that becomes faster or slower favors none of them.
    """
    results = []
    for round_ in range(rounds + 1):
        order = contenders if round_ % 2 else contenders[::-1]
        result = tuple(successful(contender()) for contender in order)
        results.append(result if round_ % 2 else result[::-1])
    return results[1:]
