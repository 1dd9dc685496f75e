"""Both functions under load for ten minutes, while keys change and faults come and go: make soak.

    python -m bench.soak --minutes 10

Tokens of the managed identity live for five and a half minutes here, so that they are renewed twice a minute. Every
100 seconds the tenant's documents fail for half a minute, the identity endpoint fails for 20 seconds, and a new key
signs; tokens with made-up keys ask for the documents all the time. None of it may be seen by a caller that is good,
and nothing may let in one that is not. Exits 1 where a call failed, or one was let in, or something grew.
"""

import argparse
import contextlib
import os
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

from bench.calling import Failed, load
from bench.command import run
from bench.disturbances import CYCLE, Events, Named, bad_tokens, good_tokens
from bench.rows import Row, number, table
from local_azure import directory
from local_azure.cloud import LocalAzure
from local_azure.tokens import MANAGED_IDENTITY_LIFETIME
from tests.support import apps
from tests.support.apps import Host

TOKEN_LIFE = 330  # seconds; five minutes before its end a token is renewed
SAMPLE_EVERY = 10
CALLERS = 8  # of msi-func, each calling again as soon as it has its answer
MAY_GROW = {"memory, MB": 3, "threads": 1, "open files": 1, "connections": 1}  # a background request may be under way
THREADS = min(32, (os.cpu_count() or 1) + 4)  # of msi-func's host

Measures = dict[str, float]


@contextlib.contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Runs `work` in a thread while the block does; what it raises is raised at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
        running.result()


def calling(url: str, tokens: Named, answers: Counter[tuple[str, str]]) -> Callable[[threading.Event], None]:
    """Calls with a token after the other, some 16 a second; counts the answers by what the token is and by status."""

    def call(stop: threading.Event) -> None:
        with requests.Session() as session:
            while not stop.wait(0.05):
                what, token = next(tokens)
                try:
                    answer = session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
                    answers[what, str(answer.status_code)] += 1
                except requests.RequestException as error:
                    answers[what, type(error).__name__] += 1

    return call


def measured(host: Host) -> Measures:
    """Of the host's process, at this moment."""
    import psutil

    process = psutil.Process(host.pid)
    return {
        "memory, MB": process.memory_info().rss / 1e6,
        "threads": process.num_threads(),
        "open files": process.num_fds(),
        "connections": len(process.net_connections("tcp")),
    }


def soak(azure: LocalAzure, seconds: float, say: Callable[[str], None]) -> list[Row]:
    """Everything at once for that long."""
    azure.issuer.clock = lambda: time.time() - (MANAGED_IDENTITY_LIFETIME - TOKEN_LIFE)
    events, through_msi, direct = Events(azure), Counter[str](), Counter[tuple[str, str]]()
    opened: set[object] = set()
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        aad = enter(apps.running(apps.aad_settings(azure)))
        msi = enter(apps.running(apps.msi_settings(azure, aad.url("aad-func"))))
        hosts: dict[str, Host] = {"msi-func": msi, "aad-func": aad}
        samples: dict[str, list[Measures]] = {name: [] for name in hosts}
        enter(meanwhile(calling(aad.url("aad-func"), good_tokens(azure), direct)))
        enter(meanwhile(calling(aad.url("aad-func"), bad_tokens(azure), direct)))
        enter(meanwhile(events.run))
        start = time.monotonic()
        while (spent := time.monotonic() - start) < seconds:
            try:
                made = load(msi.url("msi-func"), CALLERS, seconds=min(SAMPLE_EVERY, seconds - spent))
            except Failed as failed:
                say(str(failed))
                through_msi["no answer"] += 1
                break
            through_msi.update(made.statuses)
            for name, host in hosts.items():
                samples[name].append(measured(host))
            opened |= connections_to(aad, msi)
            say(_line(time.monotonic() - start, through_msi, samples))
    return [
        *totals(seconds / 60, through_msi, direct),
        *tenant(seconds, azure, events),
        number("connections of msi-func to aad-func, of all samples", len(opened), least=1, most=2 * THREADS),
        *(row for name, taken in samples.items() for row in growth(name, taken)),
    ]


def totals(minutes: float, through_msi: Counter[str], direct: Counter[tuple[str, str]]) -> Iterator[Row]:
    """Enough calls of each kind, each with the answer that it should have."""
    good, refused = direct["good", "200"], direct["bad", "401"] + direct["bad", "403"]
    unknown, put_off = direct["made-up key", "401"], direct["made-up key", "503"]
    yield number("calls of msi-func", through_msi.total(), least=minutes * 1000)
    yield number("of these failed", through_msi.total() - through_msi["200"], most=0)
    yield number("calls of aad-func with good tokens, let in", good, least=minutes * 500)
    yield number("with bad ones, refused (401, 403)", refused, least=minutes * 400)
    yield number("with made-up keys, refused (401)", unknown, least=minutes * 20)
    yield number("with made-up keys, put off (503) while the tenant fails", put_off, least=minutes * 5)
    yield number("with any other answer", direct.total() - good - refused - unknown - put_off, most=0)


def tenant(seconds: float, azure: LocalAzure, events: Events) -> Iterator[Row]:
    """What the platform was asked, and what happened to it."""
    minutes, asked = seconds / 60, azure.traffic.counters
    yield number("requests to the identity endpoint", asked["msi"], least=minutes * 1.5)
    yield number("requests for the tenant's metadata", asked["metadata"], least=minutes, most=minutes * 3)
    yield number("events", events.happened.total(), least=3 * ((seconds - 5) // CYCLE))  # the last may come too late
    for what, count in sorted(events.happened.items()):
        yield number(f"times: {what}", count)


def connections_to(server: Host, client: Host) -> set[object]:
    """The client's ends of its connections to the server."""
    import psutil

    port = urlsplit(server.origin).port
    found = psutil.Process(client.pid).net_connections("tcp")
    return {each.laddr for each in found if each.raddr and each.raddr.port == port}


def growth(name: str, samples: Sequence[Measures]) -> Iterator[Row]:
    """From the second fifth of the time to the last one, by medians; the first fifth is for warming up."""
    if not samples:
        return  # the first calls had no answer, which has a row of its own
    fifth = max(1, len(samples) // 5)
    for what, most in MAY_GROW.items():
        before, after = (
            statistics.median(sample[what] for sample in part)
            for part in (samples[fifth : 2 * fifth] or samples, samples[-fifth:])
        )
        yield number(f"{name}, {what}: {before:.0f}, then more", after - before, most=most)


def _other(statuses: Mapping[str, int], *known: str) -> int:
    return sum(count for status, count in statuses.items() if status not in known)


def _line(spent: float, statuses: Counter[str], samples: Mapping[str, Sequence[Measures]]) -> str:
    hosts = (
        f"{name} {taken[-1]['memory, MB']:.0f} MB, {taken[-1]['threads']:.0f} threads, "
        f"{taken[-1]['open files']:.0f} files, {taken[-1]['connections']:.0f} connections"
        for name, taken in samples.items()
    )
    return f"{spent:4.0f} s  {statuses.total():,} calls, {_other(statuses, '200')} failed;  {';  '.join(hosts)}"


def main() -> int:
    """Soak, and print what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=10, help="how long: 2 or more, a round of events takes 1:40 (10)"
    )
    minutes = parser.parse_args().minutes
    if not minutes >= 2:
        parser.error("--minutes: less than 2 show nothing")
    with (
        tempfile.TemporaryDirectory() as state,
        LocalAzure(directory.load(), port=0, https_port=0, state=Path(state), keep_tokens=False) as azure,
    ):
        rows = soak(azure, minutes * 60, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(rows))
    return 1 if any(row.reached is False for row in rows) else 0


if __name__ == "__main__":
    run(main)
