"""Benchmarks with many concurrent requests."""

from collections.abc import Iterator

from bench import api
from bench.load_runner import load, successful
from bench.memory import megabytes
from bench.report import Row, value
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from tests.support import apps
from tests.support.forge import Forge

IN_FLIGHT = (1, 16, 64, 256)
SECONDS = 1


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows for a slow API, for each function with 1 to 256 requests in flight, and for both in one host."""
    with api.running() as server:
        yield from _slow_api(azure, server)
        yield from _in_flight(azure, server)
    yield from _both_in_one_host(azure)


def _slow_api(azure: LocalAzure, server: api.Api) -> Iterator[Row]:
    name = "1,000 requests to msi-func at once, API latency 1 s"
    with apps.running({**apps.msi_settings(azure, server.url(1)), **ONLY_MSI}) as host:
        successful(load(host, "msi-func", 1, limit=1))
        before, opened = megabytes(host), server.connections
        result = load(host, "msi-func", 1000, limit=1000)
        yield value(f"{name}: failed", result.failed, most=0)
        yield value(f"{name}: slowest response", result.longest, "s")
        yield value(f"{name}: connections to the API", server.connections - opened)
        yield value(f"{name}: memory growth", megabytes(host) - before, "MB")


def _in_flight(azure: LocalAzure, server: api.Api) -> Iterator[Row]:
    """Yield response times by number of requests in flight. perInstanceConcurrency in main.bicep is based on them."""
    msi_settings = {**apps.msi_settings(azure, server.url(0.1)), **ONLY_MSI}
    aad_settings = {**apps.aad_settings(azure), **ONLY_AAD}
    token = Forge(azure).token()
    for function, settings, tokens in (("msi-func", msi_settings, []), ("aad-func", aad_settings, [token])):
        with apps.running(settings) as host:
            successful(load(host, function, 16, limit=1000, tokens=tokens))
            for callers in IN_FLIGHT:
                result = successful(load(host, function, callers, seconds=SECONDS, tokens=tokens))
                measured = f"{result.median * 1000:,.0f} ms, {result.rate:,.0f} /s, {result.cpu:.2f} CPU s/1,000"
                yield Row(f"{function}, {callers:,} in flight: median response time", "", measured, "")


def _both_in_one_host(azure: LocalAzure) -> Iterator[Row]:
    port = free_port()
    settings = {**apps.aad_settings(azure), **apps.msi_settings(azure, f"http://127.0.0.1:{port}/api/aad-func")}
    with apps.running(settings, port=port) as host:
        # The host is not warmed up, so the first requests wait for the token and the keys.
        for callers, limit in ((64, 1000), (256, 256)):
            result = load(host, "msi-func", callers, limit=limit)
            yield value(
                f"{limit:,} requests, {callers} callers, both functions in one host: failed", result.failed, most=0
            )
