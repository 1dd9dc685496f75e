"""Both functions under load for ten minutes, while keys change and faults come and go: make soak.

    python -m bench.soak --minutes 10

Tokens of the managed identity live for five and a half minutes here, so that they are renewed twice a minute. Every
100 seconds a new key signs all tokens from then on, the tenant's documents fail for half a minute while tokens with
made-up keys ask for them, and the identity endpoint fails for 20 seconds. None of it may be seen by a caller that is
good, and nothing may let in one that is not. Exits 1 where a call failed, or one was let in, or something grew.
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
from pathlib import Path

import requests

from bench.calling import load
from bench.command import run
from bench.disturbances import Events, bad_tokens, good_tokens
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

Measures = dict[str, float]


@contextlib.contextmanager
def calling(url: str, tokens: Iterator[str]) -> Iterator[Counter[str]]:
    """While the block runs, 20 calls a second, each with the next token; counts the answers by status."""
    stop, statuses = threading.Event(), Counter[str]()

    def call() -> None:
        with requests.Session() as session:
            while not stop.wait(0.05):
                try:
                    answer = session.get(url, headers={"Authorization": f"Bearer {next(tokens)}"}, timeout=30)
                    statuses[str(answer.status_code)] += 1
                except requests.RequestException as error:
                    statuses[type(error).__name__] += 1

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


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
    events, through_msi = Events(azure), Counter[str]()
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        aad = enter(apps.running(apps.aad_settings(azure)))
        msi = enter(apps.running(apps.msi_settings(azure, aad.url("aad-func"))))
        hosts: dict[str, Host] = {"msi-func": msi, "aad-func": aad}
        samples: dict[str, list[Measures]] = {name: [] for name in hosts}
        good = enter(calling(aad.url("aad-func"), good_tokens(azure)))
        bad = enter(calling(aad.url("aad-func"), bad_tokens(azure, events.made_up_keys)))
        enter(events.happening())
        start = time.monotonic()
        while (spent := time.monotonic() - start) < seconds:
            through_msi.update(load(msi.url("msi-func"), CALLERS, seconds=min(SAMPLE_EVERY, seconds - spent)).statuses)
            for name, host in hosts.items():
                samples[name].append(measured(host))
            say(_line(time.monotonic() - start, through_msi, samples))
    return [
        number("calls of msi-func", through_msi.total()),
        number("of these failed", through_msi.total() - through_msi["200"], most=0),
        number("calls of aad-func with good tokens", good.total()),
        number("of these failed", good.total() - good["200"], most=0),
        number("calls of aad-func with bad tokens", bad.total()),
        number("of these refused (401, 403)", bad["401"] + bad["403"]),
        number("of these put off, since the tenant failed (503)", bad["503"]),
        number("of these let in, or answered otherwise", _other(bad, "401", "403", "503"), most=0),
        number("requests to the identity endpoint", azure.traffic.counters["msi"]),
        number("requests for the tenant's documents", azure.traffic.counters["metadata"]),
        *(number(f"times: {what}", count) for what, count in events.happened.items()),
        *(row for name, taken in samples.items() for row in growth(name, taken)),
    ]


def growth(name: str, samples: Sequence[Measures]) -> Iterator[Row]:
    """From the second fifth of the time to the last one, by medians; the first fifth is for warming up."""
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
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    seconds = parser.parse_args().minutes * 60
    with (
        tempfile.TemporaryDirectory() as state,
        LocalAzure(directory.load(), port=0, https_port=0, state=Path(state), keep_tokens=False) as azure,
    ):
        rows = soak(azure, seconds, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(rows))
    return 1 if any(row.reached is False for row in rows) else 0


if __name__ == "__main__":
    run(main)
