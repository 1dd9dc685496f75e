"""Many calls at once, and many tokens."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import requests

from bench.calling import Failed, good, load
from bench.rows import Row, number, share
from local_azure.cloud import LocalAzure
from local_azure.server import free_port
from local_azure.traffic import Fault
from tests.support import apps
from tests.support.forge import Forge
from tests.support.scripted import Scripted, as_json

TRY_AGAIN_AFTER = 31  # seconds; aad-func asks the tenant for an unknown key at most that often
FEW, MANY = 1_000, 100_000
BURSTS = 5
AT_ONCE_WITHIN = 50  # milliseconds


def rows(azure: LocalAzure) -> Iterator[Row]:
    """msi-func called 10,000 times and by 256 at once; aad-func while the tenant is slow, and with 100,000 tokens."""
    yield from _ten_thousand(azure)
    yield from _both_in_one_host(azure)
    yield from _memory(azure)


def _ten_thousand(azure: LocalAzure) -> Iterator[Row]:
    threads = 6
    with (
        Scripted(lambda request: as_json(200, {})) as api,
        apps.running({**apps.msi_settings(azure, api.origin), "PYTHON_THREADPOOL_THREAD_COUNT": str(threads)}) as msi,
    ):
        asked = azure.traffic.counters["msi"]
        good(load(msi.url("msi-func"), 64, calls=10_000))
        asked = azure.traffic.counters["msi"] - asked
    yield number("10,000 calls of msi-func: token requests", asked, least=1, most=1)
    yield number(f"10,000 calls of msi-func: connections ({threads} threads)", api.connections, most=threads)


def _both_in_one_host(azure: LocalAzure) -> Iterator[Row]:
    forge, port, numbers = Forge(azure), free_port(), itertools.count()  # no token comes twice
    settings = {**apps.aad_settings(azure), **apps.msi_settings(azure, f"http://127.0.0.1:{port}/api/aad-func")}
    with apps.running(settings, port=port) as host:
        # Cold: the first of them ask for the token and the keys, the others wait for it.
        crowd = load(host.url("msi-func"), 256, calls=256)
        fetched = time.monotonic()
        yield number("256 calls of msi-func at once, both functions in one host: failed", crowd.failed, most=0)

        def longest() -> float:
            tokens = [[forge.token(number=next(numbers)) for _ in range(64)] for _ in range(BURSTS)]
            bursts = [good(load(host.url("aad-func"), 64, calls=64, tokens=each)) for each in tokens]
            return max(calls.longest for calls in bursts) * 1e3

        longest()  # to warm up
        well = longest()
        time.sleep(max(0, fetched + TRY_AGAIN_AFTER - time.monotonic()))
        with _slow_tenant(azure, host.url("aad-func")) as still_asking:
            slow = longest()
            if slow <= AT_ONCE_WITHIN and not still_asking():
                raise Failed("the tenant was asked no longer when the calls had ended")
        yield number(
            "64 calls of aad-func at once, the tenant takes 30 s: the longest", slow, "ms", most=AT_ONCE_WITHIN
        )
        yield share("the same", "the tenant is well", [(slow, well)], "ms")


@contextlib.contextmanager
def _slow_tenant(azure: LocalAzure, url: str) -> Iterator[Callable[[], bool]]:
    """While aad-func asks for a key that it does not know; tells whether it is still waiting for the answer."""
    forge = Forge(azure)
    unknown = forge.sign(forge.claims(), forge.header(kid="unknown"))
    asked = azure.traffic.counters["metadata"]
    azure.traffic.put("metadata", Fault(delay=30))
    headers = {"Authorization": f"Bearer {unknown}"}
    waiting = threading.Thread(target=lambda: requests.get(url, headers=headers, timeout=60))
    waiting.start()
    try:
        deadline = time.monotonic() + 10
        while azure.traffic.counters["metadata"] == asked:
            if time.monotonic() > deadline:
                raise Failed("aad-func does not ask the tenant for the unknown key")
            time.sleep(0.001)
        yield waiting.is_alive
    finally:
        azure.traffic.clear()
        waiting.join()


def _memory(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    with apps.running(apps.aad_settings(azure)) as aad:
        used = []
        for first, after in ((0, FEW), (FEW, MANY)):
            tokens = (forge.token(number=number) for number in range(first, after))
            good(load(aad.url("aad-func"), 16, calls=after - first, tokens=tokens))
            used.append(psutil.Process(aad.pid).memory_info().rss / 1e6)
    yield number(f"memory of aad-func after {FEW:,} tokens", used[0], "MB")
    yield number(f"memory after {MANY:,} tokens: more than that", used[1] - used[0], "MB", most=20)
