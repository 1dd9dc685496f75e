"""Tokens of one identity for one scope: asked for once, kept while valid, renewed ahead of time."""

import copy
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import TYPE_CHECKING

from common.problems import Problem
from common.single_flight import SingleFlight
from msi_func import causes
from msi_func.credentials import Credential, credential_for, is_managed

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

# All in seconds.
DESK_PATIENCE = 60  # a developer's credential may run a command line or wait for a person
ENDPOINT_PATIENCE = 15  # a managed identity endpoint that takes longer is asked anew, by the next call
PAUSE = 3  # calls that come right after a failure share it instead of asking again
RENEW_BEFORE_EXPIRY = 300  # where the token does not say itself when to renew it


class TokenSource:
    """Tokens of one identity for one scope. Safe to share between threads.

    There is one request at a time, whatever number of calls is waiting. A token is renewed in the background, from
    half of its life on, and used as long as it is valid: a failing identity endpoint is noticed only when nothing else
    is left. `clock` gives seconds since 1970, `monotonic` seconds that never go backwards.
    """

    def __init__(
        self,
        credential: Callable[[], Credential],
        scope: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credential = credential
        self._scope = scope
        self._clock = clock
        self._monotonic = monotonic
        patience = ENDPOINT_PATIENCE if is_managed() else DESK_PATIENCE
        self._request = SingleFlight(self._ask, "token", patience=patience)
        self._token: AccessTokenInfo | None = None
        self._renew_at = 0.0  # of `clock`
        self._pause_until = float("-inf")  # of `monotonic`
        self._failure: Problem | None = None
        self.kind = ""  # of credential, once one was made

    def get(self, seconds: float) -> str:
        """A valid token within `seconds`, or within a minute on a desk. Raises `token_unavailable` with the cause."""
        token, is_late = self._valid(), False
        if token is None or self._clock() >= self._renew_at:
            request = self._request.join(may_start=self._is_time)
            if request is not None and token is None:
                wait([request], timeout=seconds if is_managed() else max(seconds, DESK_PATIENCE))
                is_late = not request.done()
            # Also where there was nothing to wait for: another thread's request may just have ended.
            token = self._valid()
        if token is None:
            # The failure of a request before says nothing of one that is under way.
            failure = None if is_late else self._failure
            # A copy: raised by several threads, one exception would gather all their tracebacks.
            raise copy.copy(failure or causes.too_late(self._scope))
        return token.token

    def _valid(self) -> "AccessTokenInfo | None":
        token = self._token
        return token if token is not None and self._clock() < token.expires_on else None

    def _is_time(self) -> bool:
        # Without a token, only a failure is a reason to wait.
        may_pause = self._failure is not None or self._valid() is not None
        return not may_pause or self._monotonic() >= self._pause_until

    def _ask(self) -> None:
        log = logging.getLogger(__name__)
        credential = None
        try:
            credential = self._credential()
            self.kind = credential.kind
            token = credential.source.get_token_info(self._scope)
            if token.expires_on <= self._clock():
                raise causes.problem(causes.EXPIRED, self._scope)
            if not causes.is_token(token.token):
                raise causes.problem(causes.NOT_UNDERSTOOD, self._scope)
        except Exception as error:  # azure-identity lets ValueError, JSONDecodeError and others through
            self._failure = causes.problem_for(error, credential, self._scope)
            log.warning("No token for %s (%s): %s", self._scope, self.kind, self._failure.detail)
        else:
            self._token, self._failure = token, None
            self._renew_at = token.refresh_on or token.expires_on - RENEW_BEFORE_EXPIRY
            log.info("Token for %s (%s).", self._scope, self.kind)
        # After success too: msal answers a failed renewal with the token that it has, whose time to renew is past.
        self._pause_until = self._monotonic() + PAUSE


_sources_lock, _credentials_lock = threading.Lock(), threading.Lock()
_sources: dict[tuple[str | None, str], TokenSource] = {}
_credentials: dict[str | None, Credential] = {}


def tokens(identity_client_id: str | None, scope: str) -> TokenSource:
    """The process's one source of tokens of this identity for this scope."""
    key = (identity_client_id, scope)
    with _sources_lock:
        if key not in _sources:
            _sources[key] = TokenSource(lambda: _credential(identity_client_id), scope)
        return _sources[key]


def _credential(identity_client_id: str | None) -> Credential:
    with _credentials_lock:
        if identity_client_id not in _credentials:
            _credentials[identity_client_id] = credential_for(identity_client_id)
        return _credentials[identity_client_id]
