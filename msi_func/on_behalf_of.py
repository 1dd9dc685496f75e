"""Tokens for calls on behalf of users, cached by user assertion and scope."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from azure.core.credentials import AccessTokenInfo

from common.problems import Problem
from common.process_wide import process_wide
from msi_func.app_registration import TIME_LIMIT, AppRegistration
from msi_func.entra_errors import ENTRA_UNAVAILABLE
from msi_func.token_cache import TokenCache
from msi_func.token_rejection import TokenRejection
from msi_func.user_assertion import UserAssertion

MAX_ENTRIES = 1000
MAX_CONCURRENT_REQUESTS = 16  # Otherwise forged assertions could use all connections to Entra.

Entries = OrderedDict[tuple[bytes, str], TokenCache]  # A key consists of the assertion's digest and the scope.


class OnBehalfOfTokens:
    """Tokens for calls on behalf of users, with one TokenCache per user assertion and scope.

    A token is used until it or the user's own token expires, whichever comes first. The user's own token is not
    stored. `clock` and `monotonic` are those of TokenCache.
    """

    def __init__(
        self,
        registration: AppRegistration,
        *,
        max_entries: int = MAX_ENTRIES,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registration = registration
        self._max_entries = max_entries
        self._clock = clock
        self._monotonic = monotonic
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._valid: Entries = OrderedDict()
        # Separate from the valid entries, so that forged assertions cannot evict a user's token.
        self._unproven: Entries = OrderedDict()

    async def get(self, user: UserAssertion, scope: str) -> str:
        """Return a token for `scope`. Raises `user_token_expired` and the problems that AppRegistration raises."""
        self._registration.reject_early(user)
        if self._clock() >= user.expires_on:
            raise Problem("user_token_expired")
        key = (user.digest, scope)
        cache = self._valid.get(key) or self._unproven.get(key)
        cache = cache or TokenCache(clock=self._clock, monotonic=self._monotonic)
        if cache.is_expired:
            self._store(self._unproven, key, cache)
        token = await cache.get(lambda: self._request(user, scope, None))
        self._unproven.pop(key, None)
        if key not in self._valid:
            for expired in [key for key, cache in self._valid.items() if cache.is_expired]:
                del self._valid[expired]
        self._store(self._valid, key, cache)
        return token

    async def renew(self, user: UserAssertion, scope: str, rejection: TokenRejection) -> str:
        """Return a newer token, or the rejected one if there is none. Raises problems for the user to resolve."""
        cache = self._valid.get((user.digest, scope))
        if cache is None:
            return rejection.token
        return await cache.renew(
            rejection.token, lambda: self._request(user, scope, rejection.claims), older_than=rejection.older_than
        )

    def _store(self, entries: Entries, key: tuple[bytes, str], cache: TokenCache) -> None:
        entries[key] = cache
        entries.move_to_end(key)
        if len(entries) > self._max_entries:
            entries.popitem(last=False)

    async def _request(self, user: UserAssertion, scope: str, claims: str | None) -> AccessTokenInfo:
        try:
            async with asyncio.timeout(TIME_LIMIT), self._slots:
                token = await self._registration.acquire_token_on_behalf_of(user, scope, claims)
        except TimeoutError:
            raise Problem("token_unavailable", ENTRA_UNAVAILABLE, scope=scope) from None
        # There is no refresh before expiry, because a new token would also be used until the user's token expires.
        expires_on = min(token.expires_on, int(user.expires_on))
        return AccessTokenInfo(token.token, expires_on, refresh_on=expires_on)


@process_wide
def on_behalf_of_tokens() -> OnBehalfOfTokens:
    """Return this process's tokens for calls on behalf of users. Raises `misconfigured`."""
    return OnBehalfOfTokens(AppRegistration.from_settings())


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """The source of tokens for calls on behalf of one user."""

    assertion: UserAssertion

    kind = "on behalf of the user"
    can_renew = True

    async def get_token(self, scope: str) -> str:
        """Return a cached or new token for `scope`."""
        return await on_behalf_of_tokens().get(self.assertion, scope)

    async def renew_token(self, scope: str, rejection: TokenRejection) -> str:
        """Return a newer token than the rejected one, or the rejected one if there is none."""
        return await on_behalf_of_tokens().renew(self.assertion, scope, rejection)
