"""Tokens to call an API as the user who called this app: one exchange for each user and scope, kept while good."""

import copy
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from common.problems import Problem
from common.single_flight import SingleFlight
from msi_func import causes
from msi_func.exchange import Registration
from msi_func.user_token import UserToken

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

KEPT_TOKENS = 1000
PATIENCE = 30  # seconds; an exchange that takes longer is left to itself, and who asks then begins a new one

# The user's token, the scope, and how many seconds it may take.
Exchange = Callable[[UserToken, str, float], "AccessTokenInfo"]


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float


class UserTokens:
    """Tokens on behalf of users, by the SHA-256 of the user's own token and the scope. Safe to share between threads.

    A token is gone when it or the user's own expires, whichever is first, so what is kept never outlives the right to
    it. The user's token itself is not kept. All who ask for the same at the same time share one exchange and its
    outcome; a failure is theirs alone, and the next to ask tries again. `clock` gives seconds since 1970.
    """

    def __init__(self, exchange: Exchange, *, most: int = KEPT_TOKENS, clock: Callable[[], float] = time.time) -> None:
        self._exchange = exchange
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, str], _Kept] = OrderedDict()
        self._running: dict[tuple[bytes, str], SingleFlight[str]] = {}

    def get(self, user: UserToken, scope: str, seconds: float) -> str:
        """A token for `scope` within `seconds`. Raises `user_token_expired`, and whatever the exchange raises."""
        if self._clock() >= user.expires_on:
            raise Problem("user_token_expired")
        key = (user.digest, scope)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and self._clock() < kept.until:
                self._kept.move_to_end(key)
                return kept.token
            work = functools.partial(self._exchange_and_keep, key, user, seconds)
            run = self._running.setdefault(key, SingleFlight(work, "on-behalf-of", patience=PATIENCE)).join()
            if run is None:  # no thread is left
                self._running.pop(key, None)
                raise causes.problem(causes.NO_ENTRA, scope)
        try:
            return run.result(timeout=seconds)
        except TimeoutError:
            raise causes.problem(causes.NO_ENTRA, scope) from None
        except Problem as problem:
            # A copy: raised by several threads, one exception would gather all their tracebacks.
            raise copy.copy(problem) from None

    def _exchange_and_keep(self, key: tuple[bytes, str], user: UserToken, seconds: float) -> str:
        try:
            new = self._exchange(user, key[1], seconds)
        except BaseException:
            with self._lock:
                self._running.pop(key, None)
            raise
        with self._lock:
            self._running.pop(key, None)
            self._keep(key, _Kept(new.token, min(new.expires_on, user.expires_on)))
        return new.token

    def _keep(self, key: tuple[bytes, str], new: _Kept) -> None:
        now = self._clock()
        for old in [old for old, kept in self._kept.items() if now >= kept.until]:
            del self._kept[old]
        self._kept[key] = new
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class OnBehalfOf:
    """A user's tokens for one scope, from this process's memory. The settings are read on first use."""

    user: UserToken
    scope: str
    kind: ClassVar[str] = "on behalf of the user"

    def get(self, seconds: float) -> str:
        """See UserTokens.get. Raises `misconfigured` as well."""
        with _reading:
            memory = _memory()
        return memory.get(self.user, self.scope, seconds)


_reading = threading.Lock()


@functools.cache
def _memory() -> UserTokens:
    return UserTokens(Registration.from_settings().exchange)
