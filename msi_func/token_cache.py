"""TokenCache, which requests an access token once for all callers and refreshes it in the background."""

import copy
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from azure.core.credentials import AccessTokenInfo

from common.problems import Problem
from common.process_wide import PendingRequest

# All in seconds.
REFRESH_BEFORE_EXPIRY = 300  # This default applies to tokens without `refresh_on`.
SHARE_OUTAGE_FOR = 3  # After a problem with status 500 or above, callers share it for this time.
SHARE_REJECTION_FOR = 30  # After any other problem, callers share it for this time.
MIN_RENEWAL_INTERVAL = 30  # Otherwise an API that rejects every token could make this app flood Entra.

TokenRequest = Callable[[], Awaitable[AccessTokenInfo]]


class TokenCache:
    """One access token, shared by all callers on one event loop.

    There is one token request at a time. Once `refresh_on` has passed, the token is refreshed in the background. It
    remains in use until it expires, even if the refresh fails. `clock` returns seconds since 1970. `monotonic` returns
    the seconds of a monotonic clock.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._token = ""
        self._expires_on = self._refresh_on = float("-inf")  # times of `clock`
        self._requested_at = self._next_request = self._next_renewal = float("-inf")  # times of `monotonic`
        self._failure: Problem | None = None
        self.pending = PendingRequest()

    @property
    def is_expired(self) -> bool:
        """Whether there is no valid token."""
        return self._clock() >= self._expires_on

    async def get(self, request: TokenRequest) -> str:
        """Return a valid token. Waits for `request` only if no valid token is cached.

        `request` must have a time limit, and raises a Problem if there is no token. The cache does not store `request`.
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

        Callers share one `request`, which is made at most once per MIN_RENEWAL_INTERVAL, and only if the token was
        requested before `older_than` (a time of `monotonic`). If `older_than` is not given and `request` raises a
        Problem with status 401, raises this Problem, because the user can resolve it.
        """
        await self.pending.wait()  # A request in flight may return a token that is as old as `rejected`.
        is_old = self._requested_at < older_than and self._monotonic() >= self._next_renewal
        if self._token == rejected and is_old:
            self._next_renewal = self._monotonic() + MIN_RENEWAL_INTERVAL
            self.pending.start(lambda: self._refresh(request))
        await self.pending.wait()
        failure = self._failure if self._token == rejected else None
        # If `older_than` is not given, the API sent a claims challenge, which may require the user to sign in.
        if failure and failure.type.status == HTTPStatus.UNAUTHORIZED and older_than == float("inf"):
            raise copy.copy(failure)
        return self._token

    async def _refresh(self, request: TokenRequest) -> None:
        share_for, requested_at = SHARE_OUTAGE_FOR, self._monotonic()
        try:
            token = await request()
        except Problem as failure:
            # The copy has no traceback. A traceback's frames would keep the request and a user's token in memory.
            self._failure = copy.copy(failure)
            if failure.type.status < 500:
                share_for = SHARE_REJECTION_FOR
        else:
            self._token, self._expires_on, self._failure = token.token, token.expires_on, None
            self._requested_at = requested_at
            self._refresh_on = min(token.refresh_on or token.expires_on - REFRESH_BEFORE_EXPIRY, token.expires_on)
        # Also set after a success: a token that is valid for a few minutes only is due for refresh immediately.
        self._next_request = self._monotonic() + share_for
