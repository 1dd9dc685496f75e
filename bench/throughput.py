"""Benchmarks of both functions under load, compared with the shortest possible functions in the same host.

The goals are for CPU seconds of the host's process or, with a slow API, for the time for which a request occupies one
core, because other work on the machine hardly changes these numbers.
"""

import contextlib
import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bench import api, baselines
from bench.load_runner import LoadResult, interleave, load, successful
from bench.report import Row, ratio, speedup
from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import Forge

ROUNDS, SECONDS, CALLERS = 27, 0.25, 16
LATENCY, LATENCY_ROUNDS, LATENCY_SECONDS, LATENCY_CALLERS = 0.1, 3, 1, 256
CPU = "s/1,000"
ONLY_MSI = {"AzureWebJobs.aad_func.Disabled": "true"}
ONLY_AAD = {"AzureWebJobs.msi_func.Disabled": "true"}
FUNCTIONS = ("msi-func", "requests-relay", "aiohttp-relay")


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows that compare aad-func with `hello` (no authorization), and msi-func with both relays."""
    token = Forge(azure).token()
    with baselines.app_with_baselines() as folder, api.running() as server:
        with apps.running({**apps.aad_settings(azure), **ONLY_AAD}, folder=folder) as host:
            yield from _compare(host, ("aad-func", "hello"), {"hello": 0.95}, tokens=[token])
        with _msi_host(azure, folder, server.url(0), token) as host:
            yield from _compare(host, FUNCTIONS, {"requests-relay": 3.0, "aiohttp-relay": 0.8})


def latency_rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows that compare msi-func with both relays if the API takes 100 ms."""
    with baselines.app_with_baselines() as folder, api.running() as server:
        yield from _slow_api(azure, folder, server, Forge(azure).token())


def _compare(
    host: Host, functions: tuple[str, ...], goals: Mapping[str, float], tokens: list[str] | None = None
) -> Iterator[Row]:
    """Yield rows that compare the first function with all other functions."""
    contenders = (partial(load, host, each, CALLERS, seconds=SECONDS, tokens=tokens or ()) for each in functions)
    results = interleave(ROUNDS, *contenders)
    name = f"{functions[0]}, {CALLERS} callers"
    for index, (baseline, goal) in enumerate(goals.items(), start=1):
        costs = ((each[0].cpu, each[index].cpu) for each in results)
        # CPU time is counted in steps of 10 ms, so the mean of short rounds is more accurate than the cheapest round.
        yield speedup(f"{name}: CPU", baseline, costs, CPU, least=goal, typical=statistics.fmean)
        rates = ((each[0].rate, each[index].rate) for each in results)
        yield ratio(f"{name}: wall-clock rate", baseline, rates, "/s")


def _slow_api(azure: LocalAzure, folder: Path, server: api.Api, token: str) -> Iterator[Row]:
    """Yield rows that compare the time for which a request occupies one core.

    This is the larger of the request's CPU time and the API's latency divided by the number of requests in flight. The
    wall-clock rate of an async function depends on other work on the core, and that of a sync function on its threads.
    """
    in_flight = {}
    with _msi_host(azure, folder, server.url(1), token) as host:
        for function, callers in zip(FUNCTIONS, (LATENCY_CALLERS, 24, LATENCY_CALLERS), strict=True):
            server.reset_peak()
            successful(load(host, function, callers, limit=callers))
            in_flight[function] = server.peak
    with _msi_host(azure, folder, server.url(LATENCY), token) as host:
        contenders = (partial(load, host, function, LATENCY_CALLERS, seconds=LATENCY_SECONDS) for function in FUNCTIONS)
        results = interleave(LATENCY_ROUNDS, *contenders)
    name = f"msi-func, {LATENCY_CALLERS} callers, API latency {LATENCY * 1000:.0f} ms"
    for index, goal in ((1, 20.0), (2, None)):
        baseline = FUNCTIONS[index]
        costs = (
            (_occupied(ours, in_flight["msi-func"]), _occupied(theirs, in_flight[baseline]))
            for ours, theirs in ((each[0], each[index]) for each in results)
        )
        yield speedup(f"{name}: one core occupied", baseline, costs, CPU, least=goal)
        yield ratio(f"{name}: wall-clock rate", baseline, ((each[0].rate, each[index].rate) for each in results), "/s")
        yield ratio("requests in flight at the API", baseline, [(in_flight["msi-func"], in_flight[baseline])], "")


def _occupied(result: LoadResult, in_flight: int) -> float:
    return max(result.cpu, 1000 * LATENCY / in_flight)


@contextlib.contextmanager
def _msi_host(azure: LocalAzure, folder: Path, url: str, token: str) -> Iterator[Host]:
    settings = {**apps.msi_settings(azure, url), **ONLY_MSI, "RELAY_TOKEN": token}
    with apps.running(settings, folder=folder) as host:
        yield host
