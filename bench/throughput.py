"""Both functions under load, compared with the shortest possible functions in the same host.

CPU seconds of the host's process decide: they are the same however busy the machine is. The thread limit of a sync
function is the exception, because waiting threads use no CPU.
"""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bench import api, baselines
from bench.load_runner import LoadResult, interleave, load
from bench.report import Row, ratio, speedup
from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import Forge

ROUNDS, SECONDS = 11, 0.8
CALLERS = (1, 16, 64)
LATENCY = 0.1  # seconds
LATENCY_ROUNDS, LATENCY_SECONDS = 3, 4
CPU = "s/1,000"
ONLY_MSI = {"AzureWebJobs.aad_func.Disabled": "true"}
ONLY_AAD = {"AzureWebJobs.msi_func.Disabled": "true"}


def rows(azure: LocalAzure) -> Iterator[Row]:
    """aad-func and a hello function; msi-func, a relay on requests and a relay on aiohttp."""
    token = Forge(azure).token()
    with baselines.app_with_baselines() as folder:
        yield from _aad_func(azure, folder, token)
        yield from _msi_func(azure, folder, token)


def _aad_func(azure: LocalAzure, folder: Path, token: str) -> Iterator[Row]:
    with apps.running({**apps.aad_settings(azure), **ONLY_AAD}, folder=folder) as host:
        for callers in CALLERS:
            results = _interleave(host, ("aad-func", "hello"), callers, tokens=[token])
            goal = 0.9 if callers == 16 else None
            yield from _compare(f"aad-func, {callers} callers", results, {"hello": goal})


def _msi_func(azure: LocalAzure, folder: Path, token: str) -> Iterator[Row]:
    functions = ("msi-func", "requests-relay", "aiohttp-relay")
    with api.running() as server:
        with _msi_host(azure, folder, server.url(0), token) as host:
            for callers in CALLERS:
                results = _interleave(host, functions, callers)
                goals = {"requests-relay": 3.0, "aiohttp-relay": 0.8} if callers == 16 else dict.fromkeys(functions[1:])
                yield from _compare(f"msi-func, {callers} callers", results, goals)
        with _msi_host(azure, folder, server.url(LATENCY), token) as host:
            contenders = (partial(load, host, function, 256, seconds=LATENCY_SECONDS) for function in functions)
            results = interleave(LATENCY_ROUNDS, *contenders)
            what = f"msi-func, 256 callers, API latency {LATENCY * 1000:.0f} ms: responses"
            for index, goal in ((1, 20.0), (2, None)):
                rates = ((each[0].rate, each[index].rate) for each in results)
                yield ratio(what, functions[index], rates, "/s", least=goal)


@contextlib.contextmanager
def _msi_host(azure: LocalAzure, folder: Path, url: str, token: str) -> Iterator[Host]:
    settings = {**apps.msi_settings(azure, url), **ONLY_MSI, "RELAY_TOKEN": token}
    with apps.running(settings, folder=folder) as host:
        yield host


def _interleave(
    host: Host, functions: tuple[str, ...], callers: int, *, tokens: list[str] | None = None
) -> list[tuple[LoadResult, ...]]:
    contenders = (partial(load, host, each, callers, seconds=SECONDS, tokens=tokens or ()) for each in functions)
    return interleave(ROUNDS, *contenders)


def _compare(name: str, results: list[tuple[LoadResult, ...]], goals: Mapping[str, float | None]) -> Iterator[Row]:
    """Compare the first function of each round with the others, which have these goals."""
    for index, (baseline, goal) in enumerate(goals.items(), start=1):
        costs = ((each[0].cpu, each[index].cpu) for each in results)
        yield speedup(f"{name}: CPU", baseline, costs, CPU, least=goal)
        rates = ((each[0].rate, each[index].rate) for each in results)
        yield ratio(f"{name}: responses", baseline, rates, "/s")
