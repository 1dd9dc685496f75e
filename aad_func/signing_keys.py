"""The tenant's signing keys, which are fetched on first use, refreshed in the background and used during outages.

https://learn.microsoft.com/entra/identity-platform/signing-key-rollover (keys change at any time; refresh them daily
and for an unknown `kid`; use the cached keys if a refresh fails)
https://learn.microsoft.com/entra/identity-platform/access-tokens (v1 tokens need v1 metadata, v2 tokens v2 metadata)
"""

import logging
import time
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from aad_func.openid_metadata import MetadataError, OpenIdMetadata, TenantNotFoundError
from common.problems import Problem
from common.process_wide import PendingRequest

# All in seconds.
REFRESH_AFTER = 12 * 3600  # A failed refresh can be retried for 12 hours before the keys are a day old.
MAX_AGE = 48 * 3600  # Cached keys are used for this time after the last successful fetch.
MIN_FETCH_INTERVAL = 30  # Also after a failed fetch, so that unknown `kid`s cannot make this app flood Entra.
FETCH_TIMEOUT = 5  # This time limit includes the metadata and the keys.


class SigningKeys:
    """The signing keys for one token version ("1.0" or "2.0") of one tenant, for use on one event loop.

    There is one fetch at a time, which fails after FETCH_TIMEOUT. A caller whose key is cached never waits for a fetch.
    `clock` returns the seconds of a monotonic clock.
    """

    def __init__(
        self, authority: str, tenant_id: str, version: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._metadata = OpenIdMetadata(authority, tenant_id, version)
        self._clock = clock
        self._issuer = ""
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = self._next_fetch = float("-inf")
        # None before the first fetch and after a successful one. After a failed fetch, the
        # response's detail if a setting can fix the failure, otherwise "".
        self._failure: str | None = None
        self._pending = PendingRequest()

    def cached_key(self, kid: str) -> RSAPublicKey | None:
        """Return the key if it is cached, and start a background refresh if one is due."""
        key = self._cached_keys().get(kid)
        if key is not None and self._clock() - self._fetched_at > REFRESH_AFTER:
            self._start_fetch()
        return key

    async def get_key(self, kid: str) -> tuple[RSAPublicKey, str]:
        """Return the signing key for `kid` and the tenant's issuer. Fetches the keys if `kid` is not cached.

        Raises `unknown_key` if the tenant does not publish the key, or `signing_keys_unavailable` if the last fetch
        failed.
        """
        key = self.cached_key(kid)
        if key is None:
            self._start_fetch()
            await self._pending.wait()  # waits for FETCH_TIMEOUT seconds at most
            key = self._cached_keys().get(kid)
        if key is not None:
            return key, self._issuer
        if self._cached_keys() and self._failure is None:
            raise Problem("unknown_key")
        retry_after = max(1, round(self._next_fetch - self._clock()))
        raise Problem("signing_keys_unavailable", self._failure or "", retry_after=retry_after)

    def _cached_keys(self) -> Mapping[str, RSAPublicKey]:
        return self._keys if self._clock() - self._fetched_at < MAX_AGE else {}

    def _start_fetch(self) -> None:
        """Start a fetch unless one was started within the last MIN_FETCH_INTERVAL seconds."""
        if self._clock() >= self._next_fetch:
            self._next_fetch = self._clock() + MIN_FETCH_INTERVAL
            self._failure = ""  # until the fetch succeeds
            self._pending.start(self._fetch)

    async def _fetch(self) -> None:
        try:
            self._issuer, self._keys = await self._metadata.fetch(FETCH_TIMEOUT)
            self._fetched_at, self._failure = self._clock(), None
        except Exception as error:  # PendingRequest requires that no exception leaves this function.
            if isinstance(error, TenantNotFoundError):
                self._failure = f"Signing keys are unavailable: {error}."
            reason = error if isinstance(error, MetadataError) else type(error).__name__
            logging.getLogger(__name__).warning("No signing keys from %s: %s.", self._metadata.url, reason)
