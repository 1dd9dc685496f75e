"""Runs loads in another process, and alternates between the loads that are compared."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.support.apps import APP, Host

MAX_SECONDS = 600  # time limit of a load that has a limited number of requests
RESPONSE_TIMEOUT = 60  # seconds after the last request was sent


class MeasurementError(Exception):
    """The measured operation failed, so its numbers are meaningless. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of a load.

    `rate` is in responses per second, `median` and `longest` are response times in seconds, `statuses` counts responses
    by status, and `cpu` is the host's CPU seconds per 1,000 responses.
    """

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
    """Send requests from another process (bench/load.py), for `seconds` or until `limit` requests were sent.

    Raises MeasurementError if a request gets no response in time or if no connection is possible.
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
            raise MeasurementError(f"{url}: no response within {RESPONSE_TIMEOUT} s.") from None
        except subprocess.CalledProcessError as error:
            raise MeasurementError(f"{url}: {error.stderr.strip().splitlines()[-1]}") from None
    output = json.loads(done.stdout)
    count = sum(output["statuses"].values())
    if limit and count != limit:
        raise MeasurementError(
            f"{url}: {count} instead of {limit} requests in {seconds} s. Responses by status: {output['statuses']}."
        )
    return LoadResult(**output, cpu=(cpu_seconds(host) - cpu) / max(count, 1) * 1000)


def cpu_seconds(host: Host) -> float:
    """Return the CPU seconds that the host's process has used since it started."""
    import psutil

    times = psutil.Process(host.pid).cpu_times()
    return float(times.user + times.system)


def successful(result: LoadResult) -> LoadResult:
    """Return `result`. Raises MeasurementError if a request failed."""
    if result.failed:
        raise MeasurementError(f"Some requests failed. Responses by status: {dict(result.statuses)}.")
    return result


def interleave(rounds: int, *contenders: Callable[[], LoadResult]) -> list[tuple[LoadResult, ...]]:
    """Return the results of all contenders by round, except for one warm-up round.

    The order is reversed in every other round, so that a machine that becomes faster or slower favors no contender.
    Raises MeasurementError if a request failed.
    """
    results = []
    for round_ in range(rounds + 1):
        order = contenders if round_ % 2 else contenders[::-1]
        result = tuple(successful(contender()) for contender in order)
        results.append(result if round_ % 2 else result[::-1])
    return results[1:]
