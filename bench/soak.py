"""Run both functions under load for ten minutes, while keys rotate and endpoints and connections fail (make soak).

    python -m bench.soak --minutes 10

Tokens of the managed identity are valid for five and a half minutes, so msi-func refreshes its token twice a minute. In
each cycle of 100 seconds, the tenant's metadata and keys fail for 30 seconds, the identity endpoint fails for 20
seconds, and a new key signs tokens. Tokens with unknown keys make aad-func fetch the keys as often as it allows. The
exit code is 1 if a valid request fails, an invalid request succeeds, a POST request is lost or stored twice, memory,
threads or open files grow, connections stay open, or an event loop is blocked for longer than 50 ms.
"""

import argparse
import contextlib
import functools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bench import baselines, unreliable_api
from bench.command import run
from bench.fault_schedule import CYCLE, FaultSchedule, invalid_tokens, users, valid_tokens
from bench.load_runner import MeasurementError, load
from bench.report import Row, table, value
from bench.soak_clients import OrderClient, in_background, requester
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from local_azure.tenant import loader
from tests.support import apps
from tests.support import users as users_support
from tests.support.apps import Host

TOKEN_LIFETIME = 330  # seconds. A token is refreshed five minutes before it expires.
SAMPLE_INTERVAL = 10
CALLERS, PAUSE = 200, 0.5  # callers of msi-func, and seconds between a response and a caller's next request
MAX_BLOCKED = 50  # milliseconds
MAX_GROWTH = {"memory in MB": 3, "threads": 1, "other open files": 2}  # A background request may be in flight.
MAX_CONNECTIONS = 2 * CALLERS + 20  # two per caller (incoming and outgoing), and 20 for the other clients

MIN_REUSE = 10  # requests per connection

Sample = dict[str, float]


def sample(host: Host) -> Sample:
    """Return the resources that the host's process uses, and the longest delays of its event loop."""
    import psutil

    process = psutil.Process(host.pid)
    connections = len(process.net_connections("tcp"))
    return {
        "memory in MB": process.memory_info().rss / 1e6,
        "threads": process.num_threads(),
        "other open files": process.num_fds() - connections,
        "connections": connections,
        **{f"loop {name}, ms": 1e3 * seconds for name, seconds in _loop_lag(host).items()},
    }


def _loop_lag(host: Host) -> dict[str, float]:
    """Return the longest delays since the first call, which starts the measurement."""
    lag: dict[str, float] = requests.get(host.url("loop-lag"), timeout=30).json()
    return lag


def soak(azure: LocalAzure, seconds: float, report: Callable[[str], None]) -> list[Row]:
    """Run all clients and faults for `seconds` and return the rows of the report."""
    for_application = functools.partial(azure.issuer.issue_app_token, lifetime=TOKEN_LIFETIME)
    azure.issuer.issue_app_token = for_application  # type: ignore[method-assign]  # Users' tokens keep their lifetime.
    faults, through_msi, direct = FaultSchedule(azure), Counter[str](), Counter[tuple[str, str]]()
    opened: set[object] = set()
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        orders_origin = enter(unreliable_api.running())
        aad_folder, msi_folder = enter(baselines.soak_app(orders=False)), enter(baselines.soak_app(orders=True))
        aad = enter(apps.running({**apps.aad_settings(azure), **ONLY_AAD}, folder=aad_folder))
        settings = users_support.settings(azure, aad.url("aad-func"), ORDERS_URL=f"{orders_origin}/orders")
        settings["ORDERS_SCOPE"] = settings["AAD_FUNC_SCOPE"]
        msi = enter(apps.running({**settings, **ONLY_MSI}, folder=msi_folder))
        hosts: dict[str, Host] = {"msi-func": msi, "aad-func": aad}
        samples: dict[str, list[Sample]] = {name: [] for name in hosts}
        orders = OrderClient(msi.url("orders"))
        load(msi, "msi-func", 1, limit=10)  # Excludes the cold start, which `make bench` measures.
        for host in hosts.values():
            _loop_lag(host)
        with contextlib.ExitStack() as clients:
            for client in (
                requester(aad.url("aad-func"), valid_tokens(azure), direct),
                requester(aad.url("aad-func"), invalid_tokens(azure), direct),
                requester(f"{msi.url('msi-func')}?as=user", users(azure), direct),
                orders.run,
                faults.run,
            ):
                clients.enter_context(in_background(client))
            start = time.monotonic()
            while (elapsed := time.monotonic() - start) < seconds:
                try:
                    result = load(
                        msi, "msi-func", CALLERS, seconds=min(SAMPLE_INTERVAL, seconds - elapsed), pause=PAUSE
                    )
                except MeasurementError as error:
                    report(str(error))
                    through_msi["no response"] += 1
                    break
                through_msi.update(result.statuses)
                for name, host in hosts.items():
                    samples[name].append(sample(host))
                opened |= connections_between(msi, aad)
                report(_line(time.monotonic() - start, through_msi, samples))
        journal = unreliable_api.read_journal(orders_origin)
    return [
        *responses(seconds / 60, through_msi, direct),
        *orders.rows(seconds / 60, journal),
        *tenant(seconds, azure, faults),
        value("requests per connection to aad-func", through_msi.total() / max(1, len(opened)), least=MIN_REUSE),
        *(row for name, taken in samples.items() for row in (*growth(name, taken), *loop_lag(name, taken))),
    ]


def responses(minutes: float, through_msi: Counter[str], direct: Counter[tuple[str, str]]) -> Iterator[Row]:
    """Yield rows for the number of requests of each kind with the right response, and with any other response."""
    other = direct.copy()
    valid = other.pop(("valid", "200"), 0)
    known, new = other.pop(("user", "200"), 0), other.pop(("new user", "200"), 0)
    rejected = other.pop(("invalid", "401"), 0) + other.pop(("invalid", "403"), 0)
    unknown, unavailable = other.pop(("unknown key", "401"), 0), other.pop(("unknown key", "503"), 0)
    yield value("requests to msi-func", through_msi.total(), least=minutes * 500)
    yield value("requests to msi-func that failed", through_msi.total() - through_msi["200"], most=0)
    yield value("requests on behalf of 20 users, with status 200", known, least=minutes * 20)
    yield value("requests on behalf of new users, with status 200", new, least=minutes * 20)
    yield value("requests with valid tokens, with status 200", valid, least=minutes * 100)
    yield value("requests with invalid tokens, with status 401 or 403", rejected, least=minutes * 80)
    yield value("requests with unknown keys, with status 401", unknown, least=minutes * 20)
    yield value("requests with unknown keys, with status 503 while the tenant fails", unavailable, least=minutes * 5)
    listed = ", ".join(f"{label}: {status}" for label, status in sorted(other))
    yield value(f"requests with any other response{f' ({listed})' if listed else ''}", other.total(), most=0)


def tenant(seconds: float, azure: LocalAzure, faults: FaultSchedule) -> Iterator[Row]:
    """Yield rows for the requests to the tenant and the identity endpoint, and for the injected faults."""
    minutes, counters = seconds / 60, azure.faults.counters
    yield value("requests to the identity endpoint", counters["msi"], least=minutes * 1.5)
    yield value("requests for the tenant's metadata", counters["metadata"], least=minutes, most=minutes * 3)
    expected = 3 * ((seconds - 5) // CYCLE)  # The last cycle can be up to 5 seconds late.
    yield value("injected faults", faults.counts.total(), least=expected)
    for name, count in sorted(faults.counts.items()):
        yield value(f"injected fault: {name}", count)


def connections_between(client: Host, server: Host) -> set[object]:
    """Return the local addresses of the client's connections to the server."""
    import psutil

    port = urlsplit(server.origin).port
    connections = psutil.Process(client.pid).net_connections("tcp")
    return {each.laddr for each in connections if each.raddr and each.raddr.port == port}


def growth(name: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """Yield rows that compare the medians of the second and the last fifth of the samples. The first is warm-up."""
    if not samples:
        return  # The first requests had no response, which another row reports.
    fifth = max(1, len(samples) // 5)
    for what, most in MAX_GROWTH.items():
        before, after = (
            statistics.median(sample[what] for sample in part)
            for part in (samples[fifth : 2 * fifth] or samples, samples[-fifth:])
        )
        yield value(f"{name}: growth of {what}, from {before:.0f}", after - before, most=most)
    highest = max(sample["connections"] for sample in samples)
    yield value(f"{name}: highest number of connections", highest, most=MAX_CONNECTIONS)


def loop_lag(name: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """Yield rows for the longest times for which the event loop was blocked or late."""
    if samples:
        last = samples[-1]
        yield value(f"{name}: longest blocking of the event loop", last["loop blocked, ms"], "ms", most=MAX_BLOCKED)
        yield value(f"{name}: longest garbage collection", last["loop collecting, ms"], "ms")
        yield value(f"{name}: longest delay of a timer of the event loop", last["loop late, ms"], "ms")


def _line(elapsed: float, statuses: Counter[str], samples: Mapping[str, Sequence[Sample]]) -> str:
    hosts = (
        f"{name} {taken[-1]['memory in MB']:.0f} MB, {taken[-1]['threads']:.0f} threads, "
        f"{taken[-1]['other open files']:.0f} files, {taken[-1]['connections']:.0f} connections, "
        f"loop blocked {taken[-1]['loop blocked, ms']:.0f} ms, late {taken[-1]['loop late, ms']:.0f} ms"
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
        "--minutes", type=float, default=10, help="duration, at least 2, because a cycle takes 100 seconds; default: 10"
    )
    minutes = parser.parse_args().minutes
    if not minutes >= 2:
        parser.error("--minutes must be at least 2")
    with (
        tempfile.TemporaryDirectory() as state,
        LocalAzure(loader.load(), port=0, https_port=0, state=Path(state), cache_tokens=False) as azure,
    ):
        rows = soak(azure, minutes * 60, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(rows))
    return 1 if any(row.is_reached is False for row in rows) else 0


if __name__ == "__main__":
    run(main)
