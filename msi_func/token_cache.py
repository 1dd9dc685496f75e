"""TokenCache: an access token that is requested once, cached while valid, and refreshed in the background."""

import copy
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from azure.core.credentials import AccessTokenInfo

from common.problems import Problem
from common.process_wide import PendingRequest

# All in seconds.
REFRESH_BEFORE_EXPIRY = 300  # if the token has no `refresh_on`
SHARE_OUTAGE_FOR = 3  # callers that arrive right after a failed request share its failure
SHARE_REJECTION_FOR = 30
MIN_RENEWAL_INTERVAL = 30  # so that an API that rejects every token cannot make us flood Entra

TokenRequest = Callable[[], Awaitable[AccessTokenInfo]]


class TokenCache:
    """One access token, shared by all callers on one event loop.

    There is one token request at a time. The token is refreshed in the background from its `refresh_on` on, and used
    while it is valid, whether or not the refresh succeeds. `clock` returns seconds since 1970, `monotonic` seconds
    of a clock that is never set back.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._token = ""
        self._expires_on = self._refresh_on = float("-inf")  # by `clock`
        self._requested_at = self._next_request = self._next_renewal = float("-inf")  # by `monotonic`
        self._failure: Problem | None = None
        self.pending = PendingRequest()

    @property
    def is_expired(self) -> bool:
        """Whether there is no valid token."""
        return self._clock() >= self._expires_on

    async def get(self, request: TokenRequest) -> str:
        """Return a valid token, from `request` if necessary. Waits for it only if there is no valid token.

        `request` raises a Problem if there is no token, and has a time limit. It is not stored.
        """
        is_allowed = self._monotonic() >= self._next_request or (self.is_expired and self._failure is None)
        if self._clock() >= self._refresh_on and is_allowed:
            self.pending.start(lambda: self._refresh(request))
        if self.is_expired:
            await self.pending.wait()
        if self.is_expired and self._failure:
            raise copy.copy(self._failure)
        return self._token

    async def renew(self, rejected: str, request: TokenRequest, *, older_than: float = float("inf")) -> str:
        """Return a newer token than `rejected`, or `rejected` if there is none.

        `request` is made once for all callers, at most once per MIN_RENEWAL_INTERVAL, and only if the token was
        requested before `older_than` (by `monotonic`). Without `older_than`, raises its Problem if the user can resolve
        it (401).
        """
        await self.pending.wait()  # A request that began before the rejection does not answer it.
        is_old = self._requested_at < older_than and self._monotonic() >= self._next_renewal
        if self._token == rejected and is_old:
            self._next_renewal = self._monotonic() + MIN_RENEWAL_INTERVAL
            self.pending.start(lambda: self._refresh(request))
        await self.pending.wait()
        failure = self._failure if self._token == rejected else None
        # Without `older_than` the rejection is a claims challenge, which only the user may be able to satisfy.
        if failure and failure.type.status == HTTPStatus.UNAUTHORIZED and older_than == float("inf"):
            raise copy.copy(failure)
        return self._token

    async def _refresh(self, request: TokenRequest) -> None:
        share_for, requested_at = SHARE_OUTAGE_FOR, self._monotonic()
        try:
            token = await request()
        except Problem as failure:
            # A copy has no traceback, whose frames would keep the request and a user's own token alive.
            self._failure = copy.copy(failure)
            if failure.type.status < 500:
                share_for = SHARE_REJECTION_FOR
        else:
            self._token, self._expires_on, self._failure = token.token, token.expires_on, None
            self._requested_at = requested_at
            self._refresh_on = min(token.refresh_on or token.expires_on - REFRESH_BEFORE_EXPIRY, token.expires_on)
        # After a success as well, because a new token of a few minutes is due for refresh at once.
        self._next_request = self._monotonic() + share_for
