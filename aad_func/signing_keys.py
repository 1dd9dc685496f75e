"""The tenant's signing keys: fetched when first needed, kept fresh, kept through outages, given up in time.

Source of the rules: https://learn.microsoft.com/entra/identity-platform/signing-key-rollover (keys change at any time,
refresh daily and on an unknown kid, keep the last known good) and
https://learn.microsoft.com/entra/identity-platform/access-tokens (v1 tokens against v1 metadata, v2 against v2; the
issuer of a key must be the issuer of the token).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aad_func.metadata import MetadataError, Source
from common.problems import Problem
from common.single_flight import SingleFlight

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# All in seconds.
REFRESH_AFTER = 12 * 3600  # in the background; leaves half a day of tries before keys are a day old
KEEP_AT_MOST = 48 * 3600  # after the last successful fetch
TRY_AGAIN_AFTER = 30  # whatever became of the last try, so that made-up kids cannot drive us against the tenant
FETCH_TIMEOUT = 5  # metadata and keys together


@dataclass(frozen=True, slots=True)
class KeySet:
    """What one successful fetch brought: the issuer that these keys sign for, and the keys by their `kid`."""

    issuer: str
    keys: Mapping[str, "RSAPublicKey"]
    fetched_at: float


class SigningKeys:
    """The keys for one token version ("1.0" or "2.0") of one tenant. Safe to share between threads and event loops.

    There is never more than one fetch at a time, and a caller whose key is known never waits for one. `clock` gives
    seconds that never go backwards.
    """

    def __init__(
        self, authority: str, tenant_id: str, version: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = Source(authority, tenant_id, version)
        self._clock = clock
        self._known: KeySet | None = None
        self._fetch = SingleFlight(self._fetch_keys, "signing-keys", patience=3 * FETCH_TIMEOUT)
        self._next_try = float("-inf")
        self._last_failed = False

    def known(self, kid: str) -> "RSAPublicKey | None":
        """The key if it is known at this moment. Waits for nothing; a refresh that is due runs in the background."""
        keys = self._usable()
        if keys is None or kid not in keys.keys:
            return None
        if self._clock() - keys.fetched_at > REFRESH_AFTER:
            self._fetch.join(may_start=self._is_time)
        return keys.keys[kid]

    async def find(self, kid: str) -> tuple["RSAPublicKey", str]:
        """The key called `kid` and the issuer it signs for.

        Raises `unknown_key` where the tenant does not publish such a key, and `signing_keys_unavailable` where that cannot
        be found out at the moment.
        """
        if self.known(kid) is None:
            fetch = self._fetch.join(may_start=self._is_time)
            if fetch is not None:
                # Waiting, not wait_for: a caller that gives up must not take the fetch from the others.
                await asyncio.wait([asyncio.wrap_future(fetch)], timeout=FETCH_TIMEOUT + 1)
        keys = self._usable()
        if keys is not None and kid in keys.keys:
            return keys.keys[kid], keys.issuer
        if keys is not None and not self._last_failed:
            raise Problem("unknown_key")
        raise Problem("signing_keys_unavailable", retry_after=max(1, round(self._next_try - self._clock())))

    def _usable(self) -> KeySet | None:
        keys = self._known
        return keys if keys and self._clock() - keys.fetched_at < KEEP_AT_MOST else None

    def _is_time(self) -> bool:
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + TRY_AGAIN_AFTER
        self._last_failed = True  # until it has succeeded
        return True

    def _fetch_keys(self) -> None:
        try:
            issuer, keys = self._source.fetch(seconds=FETCH_TIMEOUT)
            self._known, self._last_failed = KeySet(issuer, keys, self._clock()), False
        except Exception as error:  # whatever it is, it is our outage, and the next try must still come
            reason: object = error if isinstance(error, MetadataError) else type(error).__name__
            if isinstance(error, ImportError):
                reason = f"{error.name} cannot be imported: publish this app with all of requirements.txt"
            logging.getLogger(__name__).warning("Signing keys: %s: %s.", self._source.where, reason)
