"""Both functions under load for ten minutes, while keys rotate and endpoints fail: make soak.

    python -m bench.soak --minutes 10

Tokens of the managed identity are valid for five and a half minutes here, so they are refreshed twice a minute. Every
100 seconds the tenant's documents fail for half a minute, the identity endpoint fails for 20 seconds, and a new key
signs; tokens with unknown keys make aad-func fetch the documents all the time. No valid request may fail, and no
invalid one may succeed. Exits 1 otherwise, or if memory, threads, open files or connections grew.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bench.command import run
from bench.fault_schedule import CYCLE, FaultSchedule, LabeledTokens, invalid_tokens, valid_tokens
from bench.load_runner import MeasurementError, load
from bench.report import Row, table, value
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from local_azure.entra.token_issuer import MANAGED_IDENTITY_LIFETIME
from local_azure.tenant import loader
from tests.support import apps
from tests.support.apps import Host

TOKEN_LIFETIME = 330  # seconds; a token is refreshed five minutes before it expires
SAMPLE_INTERVAL = 10
CALLERS = 8  # of msi-func, each sends its next request after each response
MAX_GROWTH = {"memory, MB": 3, "threads": 1, "open files": 1, "connections": 1}  # a background request may be in flight

Sample = dict[str, float]


@contextlib.contextmanager
def in_background(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `work` in a thread during the block, and raise at its end what `work` raised."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
        running.result()


def requester(url: str, tokens: LabeledTokens, counts: Counter[tuple[str, str]]) -> Callable[[threading.Event], None]:
    """Return a function that sends some 16 requests per second and counts the responses by label and status."""

    def send(stop: threading.Event) -> None:
        with requests.Session() as session:
            while not stop.wait(0.05):
                label, token = next(tokens)
                try:
                    response = session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
                    counts[label, str(response.status_code)] += 1
                except requests.RequestException as error:
                    counts[label, type(error).__name__] += 1

    return send


def sample(host: Host) -> Sample:
    """Measure the host's process."""
    import psutil

    process = psutil.Process(host.pid)
    return {
        "memory, MB": process.memory_info().rss / 1e6,
        "threads": process.num_threads(),
        "open files": process.num_fds(),
        "connections": len(process.net_connections("tcp")),
    }


def soak(azure: LocalAzure, seconds: float, report: Callable[[str], None]) -> list[Row]:
    """Run everything at once for `seconds`."""
    azure.issuer.clock = lambda: time.time() - (MANAGED_IDENTITY_LIFETIME - TOKEN_LIFETIME)
    faults, through_msi, direct = FaultSchedule(azure), Counter[str](), Counter[tuple[str, str]]()
    opened: set[object] = set()
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        aad = enter(apps.running({**apps.aad_settings(azure), **ONLY_AAD}))
        msi = enter(apps.running({**apps.msi_settings(azure, aad.url("aad-func")), **ONLY_MSI}))
        hosts: dict[str, Host] = {"msi-func": msi, "aad-func": aad}
        samples: dict[str, list[Sample]] = {name: [] for name in hosts}
        enter(in_background(requester(aad.url("aad-func"), valid_tokens(azure), direct)))
        enter(in_background(requester(aad.url("aad-func"), invalid_tokens(azure), direct)))
        enter(in_background(faults.run))
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < seconds:
            try:
                result = load(msi, "msi-func", CALLERS, seconds=min(SAMPLE_INTERVAL, seconds - elapsed))
            except MeasurementError as error:
                report(str(error))
                through_msi["no response"] += 1
                break
            through_msi.update(result.statuses)
            for name, host in hosts.items():
                samples[name].append(sample(host))
            opened |= connections_between(msi, aad)
            report(_line(time.monotonic() - start, through_msi, samples))
    return [
        *responses(seconds / 60, through_msi, direct),
        *tenant(seconds, azure, faults),
        value("connections of msi-func to aad-func, of all samples", len(opened), least=1, most=3 * CALLERS),
        *(row for name, taken in samples.items() for row in growth(name, taken)),
    ]


def responses(minutes: float, through_msi: Counter[str], direct: Counter[tuple[str, str]]) -> Iterator[Row]:
    """Enough requests of each kind, each with the right response."""
    other = direct.copy()
    valid = other.pop(("valid", "200"), 0)
    rejected = other.pop(("invalid", "401"), 0) + other.pop(("invalid", "403"), 0)
    unknown, unavailable = other.pop(("unknown key", "401"), 0), other.pop(("unknown key", "503"), 0)
    yield value("requests to msi-func", through_msi.total(), least=minutes * 1000)
    yield value("of these failed", through_msi.total() - through_msi["200"], most=0)
    yield value("requests to aad-func with valid tokens, 200", valid, least=minutes * 500)
    yield value("with invalid tokens, 401 or 403", rejected, least=minutes * 400)
    yield value("with unknown keys, 401", unknown, least=minutes * 20)
    yield value("with unknown keys, 503 while the tenant fails", unavailable, least=minutes * 5)
    listed = ", ".join(f"{label}: {status}" for label, status in sorted(other))
    yield value(f"with any other response{f' ({listed})' if listed else ''}", other.total(), most=0)


def tenant(seconds: float, azure: LocalAzure, faults: FaultSchedule) -> Iterator[Row]:
    """Requests to the platform, and its faults."""
    minutes, counters = seconds / 60, azure.faults.counters
    yield value("requests to the identity endpoint", counters["msi"], least=minutes * 1.5)
    yield value("requests for the tenant's metadata", counters["metadata"], least=minutes, most=minutes * 3)
    yield value("faults", faults.counts.total(), least=3 * ((seconds - 5) // CYCLE))  # the last may come too late
    for name, count in sorted(faults.counts.items()):
        yield value(f"times: {name}", count)


def connections_between(client: Host, server: Host) -> set[object]:
    """Return the client's ends of its connections to the server."""
    import psutil

    port = urlsplit(server.origin).port
    connections = psutil.Process(client.pid).net_connections("tcp")
    return {each.laddr for each in connections if each.raddr and each.raddr.port == port}


def growth(name: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """Compare the second fifth of the time with the last one, by medians; the first fifth is for warming up."""
    if not samples:
        return  # the first requests had no response, which has its own row
    fifth = max(1, len(samples) // 5)
    for what, most in MAX_GROWTH.items():
        before, after = (
            statistics.median(sample[what] for sample in part)
            for part in (samples[fifth : 2 * fifth] or samples, samples[-fifth:])
        )
        yield value(f"{name}, {what}: {before:.0f}, growth", after - before, most=most)


def _line(elapsed: float, statuses: Counter[str], samples: Mapping[str, Sequence[Sample]]) -> str:
    hosts = (
        f"{name} {taken[-1]['memory, MB']:.0f} MB, {taken[-1]['threads']:.0f} threads, "
        f"{taken[-1]['open files']:.0f} files, {taken[-1]['connections']:.0f} connections"
        for name, taken in samples.items()
    )
    failed = statuses.total() - statuses["200"]
    return f"{elapsed:4.0f} s  {statuses.total():,} requests, {failed} failed;  {';  '.join(hosts)}"


def main() -> int:
    """Run the soak and print the result."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=10, help="duration, 2 or more; a cycle of faults takes 1:40 (10)"
    )
    minutes = parser.parse_args().minutes
    if not minutes >= 2:
        parser.error("--minutes: less than 2 show nothing")
    with (
        tempfile.TemporaryDirectory() as state,
        LocalAzure(loader.load(), port=0, https_port=0, state=Path(state), cache_tokens=False) as azure,
    ):
        rows = soak(azure, minutes * 60, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(rows))
    return 1 if any(row.is_reached is False for row in rows) else 0


if __name__ == "__main__":
    run(main)
