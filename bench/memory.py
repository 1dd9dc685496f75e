"""Benchmarks of the memory that both functions use after many tokens, because each token cache must be bounded."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import jwt
import psutil
from cryptography.hazmat.primitives import serialization

from bench import api
from bench.load_runner import load, successful
from bench.report import Row, value
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from tests.support import apps, users
from tests.support.apps import Host
from tests.support.forge import Forge

FEW = 1_000  # number of tokens that fills each cache
TOKENS, USERS = 100_000, 10_000
MAX_GROWTH = 20  # MB, a fraction of the memory that an unbounded cache would use
CHUNK = 1000
LIFETIME = 3600


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows for aad-func with 100,000 tokens, and for msi-func with calls on behalf of 10,000 users."""
    with apps.running({**apps.aad_settings(azure), **ONLY_AAD}) as host:
        yield from _growth(host, "aad-func", TOKENS, "tokens", lambda numbers: _tokens(Forge(azure), numbers))
    with api.running() as server:
        settings = {**users.settings(azure, server.url(0)), **ONLY_MSI}
        forge = Forge(azure, "msi-func-api")
        with apps.running(settings) as host:
            yield from _growth(
                host, "msi-func", USERS, "users", lambda each: _tokens(forge, each, user=True), "?as=user"
            )


def _growth(
    host: Host, function: str, count: int, what: str, tokens: Callable[[range], Iterable[str]], query: str = ""
) -> Iterator[Row]:
    used = []
    for numbers in (range(FEW), range(FEW, count)):
        successful(load(host, function, 16, limit=len(numbers), tokens=tokens(numbers), query=query))
        used.append(megabytes(host))
    yield value(f"memory of {function} after {FEW:,} {what}", used[0], "MB")
    yield value(f"memory growth after {count:,} {what}", used[1] - used[0], "MB", most=MAX_GROWTH)


def _tokens(forge: Forge, numbers: range, **changes: Any) -> Iterator[str]:
    """Yield a different token for each number. One process per core signs the tokens."""
    key = forge.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    claims, header = forge.claims(**changes), forge.header()
    # Processes are spawned, because a process with threads cannot be forked safely.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
        for signed in pool.map(_sign, chunks, [claims] * len(chunks), [header] * len(chunks), [key] * len(chunks)):
            yield from signed


def _sign(numbers: range, claims: dict[str, Any], header: dict[str, Any], key: bytes) -> list[str]:
    private: Any = serialization.load_pem_private_key(key, None)
    claims = {**claims, "exp": int(time.time()) + LIFETIME}
    return [jwt.encode({**claims, "number": number}, private, "RS256", header) for number in numbers]


def megabytes(host: Host) -> float:
    """Return the resident memory of the host's process in megabytes."""
    return float(psutil.Process(host.pid).memory_info().rss / 1e6)
