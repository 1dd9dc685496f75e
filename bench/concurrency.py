"""Many requests at once, and many tokens."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import requests

from bench import api
from bench.load_runner import MeasurementError, load, successful
from bench.report import Row, ratio, value
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from local_azure.control.fault_injection import Fault
from local_azure.serving.ports import free_port
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import Forge

KEY_FETCH_INTERVAL = 31  # seconds; aad-func fetches keys for an unknown `kid` at most that often
FEW, MANY = 1_000, 100_000
BURSTS = 5
MAX_LATENCY = 1000  # milliseconds, on a busy machine; whoever waited for the fetch would take 30 seconds
IN_FLIGHT = (16, 64, 256, 1000)


def rows(azure: LocalAzure) -> Iterator[Row]:
    """msi-func with a slow API and with 10,000 requests; both functions in one host; aad-func during an outage."""
    with api.running() as server:
        yield from _slow_api(azure, server)
        yield from _ten_thousand(azure, server)
        yield from _in_flight(azure, server)
    yield from _both_in_one_host(azure)
    yield from _memory(azure)


def _slow_api(azure: LocalAzure, server: api.Api) -> Iterator[Row]:
    name = "1,000 requests to msi-func at once, API latency 1 s"
    with apps.running({**apps.msi_settings(azure, server.url(1)), **ONLY_MSI}) as host:
        successful(load(host, "msi-func", 1, limit=1))
        memory, opened = megabytes(host), server.connections
        result = load(host, "msi-func", 1000, limit=1000)
        yield value(f"{name}: failed", result.failed, most=0)
        yield value(f"{name}: slowest response", result.longest, "s", most=10)
        yield value(f"{name}: connections to the API", server.connections - opened)
        yield value(f"{name}: memory growth", megabytes(host) - memory, "MB")


def _ten_thousand(azure: LocalAzure, server: api.Api) -> Iterator[Row]:
    callers, name = 64, "10,000 requests to msi-func, 64 callers"
    with apps.running({**apps.msi_settings(azure, server.url(0)), **ONLY_MSI}) as host:
        requested, opened = azure.faults.counters["msi"], server.connections
        successful(load(host, "msi-func", callers, limit=10_000))
        yield value(f"{name}: token requests", azure.faults.counters["msi"] - requested, least=1, most=1)
        yield value(f"{name}: connections to the API", server.connections - opened, most=callers)


def _in_flight(azure: LocalAzure, server: api.Api) -> Iterator[Row]:
    """What one instance carries, which is what perInstanceConcurrency in main.bicep is chosen by."""
    msi_settings = {**apps.msi_settings(azure, server.url(0.1)), **ONLY_MSI}
    aad_settings = {**apps.aad_settings(azure), **ONLY_AAD}
    token = Forge(azure).token()
    for function, settings, tokens in (("msi-func", msi_settings, []), ("aad-func", aad_settings, [token])):
        with apps.running(settings) as host:
            successful(load(host, function, 16, limit=1000, tokens=tokens))
            memory = megabytes(host)
            for callers in IN_FLIGHT:
                result = successful(load(host, function, callers, seconds=3, tokens=tokens))
                measured = f"{result.median * 1000:,.0f} ms, {result.rate:,.0f} /s"
                yield Row(f"{function}, {callers:,} in flight: median response time", "", measured, "", None)
            yield value(f"{function} after that: memory growth", megabytes(host) - memory, "MB")


def _both_in_one_host(azure: LocalAzure) -> Iterator[Row]:
    forge, port, numbers = Forge(azure), free_port(), itertools.count()  # no token is used twice
    settings = {**apps.aad_settings(azure), **apps.msi_settings(azure, f"http://127.0.0.1:{port}/api/aad-func")}
    with apps.running(settings, port=port) as host:
        # Cold: the first requests wait for the token and the keys.
        for callers, limit in ((64, 1000), (256, 256)):
            result = load(host, "msi-func", callers, limit=limit)
            name = f"{limit:,} requests, {callers} callers, both functions in one host: failed"
            yield value(name, result.failed, most=0)
        fetched = time.monotonic()

        def longest() -> float:
            tokens = [[forge.token(number=next(numbers)) for _ in range(64)] for _ in range(BURSTS)]
            bursts = [successful(load(host, "aad-func", 64, limit=64, tokens=each)) for each in tokens]
            return max(result.longest for result in bursts) * 1e3

        longest()  # warm-up
        normal = longest()
        time.sleep(max(0, fetched + KEY_FETCH_INTERVAL - time.monotonic()))
        with _slow_tenant(azure, host.url("aad-func")) as is_fetching:
            slow = longest()
            if slow <= MAX_LATENCY and not is_fetching():
                raise MeasurementError("the key fetch ended before the requests")
        name = "64 requests to aad-func at once while a key fetch takes 30 s: slowest response"
        yield value(name, slow, "ms", most=MAX_LATENCY)
        yield ratio("the same", "no key fetch", [(slow, normal)], "ms")


@contextlib.contextmanager
def _slow_tenant(azure: LocalAzure, url: str) -> Iterator[Callable[[], bool]]:
    """Have aad-func fetch keys for an unknown `kid`; yield a function that says whether it still does."""
    forge = Forge(azure)
    unknown = forge.sign(forge.claims(), forge.header(kid="unknown"))
    fetches = azure.faults.counters["metadata"]
    azure.faults.inject("metadata", Fault(delay=30))
    headers = {"Authorization": f"Bearer {unknown}"}
    waiting = threading.Thread(target=lambda: requests.get(url, headers=headers, timeout=60))
    waiting.start()
    try:
        deadline = time.monotonic() + 10
        while azure.faults.counters["metadata"] == fetches:
            if time.monotonic() > deadline:
                raise MeasurementError("aad-func does not fetch the unknown key")
            time.sleep(0.001)
        yield waiting.is_alive
    finally:
        azure.faults.clear()
        waiting.join()


def _memory(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    with apps.running({**apps.aad_settings(azure), **ONLY_AAD}) as host:
        used = []
        for first, end in ((0, FEW), (FEW, MANY)):
            tokens = (forge.token(number=number) for number in range(first, end))
            successful(load(host, "aad-func", 16, limit=end - first, tokens=tokens))
            used.append(megabytes(host))
    yield value(f"memory of aad-func after {FEW:,} tokens", used[0], "MB")
    yield value(f"memory growth after {MANY:,} tokens", used[1] - used[0], "MB", most=20)


def megabytes(host: Host) -> float:
    """Return the resident memory of the host's process."""
    return float(psutil.Process(host.pid).memory_info().rss / 1e6)
