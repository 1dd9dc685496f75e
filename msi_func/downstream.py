"""DownstreamApi: settings -> token -> HTTP call -> answer or problem."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from common.problems import Problem, missing_dependency
from common.settings import DEFAULT_SCOPE_ERROR, Settings, is_default_scope
from msi_func.timing import Timing

if TYPE_CHECKING:
    from msi_func.on_behalf_of import OnBehalfOf
    from msi_func.tokens import TokenSource
    from msi_func.user_token import UserToken

LONGEST_BUDGET = 230  # seconds; Azure's load balancer gives up on an HTTP function then


@dataclass(frozen=True, slots=True)
class Target:
    """What to call, as whom, and within how many seconds, token and retries included."""

    url: str
    scope: str
    identity_client_id: str | None
    timeout: float

    @classmethod
    def from_settings(cls, prefix: str) -> "Target":
        """Read PREFIX_URL, _SCOPE, _IDENTITY_CLIENT_ID and _TIMEOUT_SECONDS. Raises `misconfigured`."""
        with Settings() as settings:
            return cls(
                url=settings.url(f"{prefix}_URL"),
                scope=settings.scope(f"{prefix}_SCOPE"),
                identity_client_id=settings.optional_guid(f"{prefix}_IDENTITY_CLIENT_ID"),
                timeout=settings.seconds(f"{prefix}_TIMEOUT_SECONDS", 10, most=LONGEST_BUDGET),
            )


class DownstreamApi:
    """A protected API, called as this app. Safe to share between threads; make one for each API, at module level.

        graph = DownstreamApi.from_settings("GRAPH")  # GRAPH_URL, GRAPH_SCOPE, ...
        body = graph.get(path="/organization")

    Nothing is read or fetched before the first call.
    """

    def __init__(self, name: str, target: Callable[[], Target]) -> None:
        self.name = name
        self._read_target = target
        self._target: Target | None = None

    @classmethod
    def from_settings(cls, prefix: str) -> "DownstreamApi":
        """The API that the settings PREFIX_URL, PREFIX_SCOPE and so on describe."""
        return cls(prefix.lower().replace("_", "-"), lambda: Target.from_settings(prefix))

    def get(
        self,
        *,
        path: str = "",
        scope: str | None = None,
        identity_client_id: str | EllipsisType | None = ...,
        authenticate: bool = True,
        user_token: "UserToken | None" = None,
        headers: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> bytes:
        """GET the API and return the body of its 2xx JSON answer, within the time configured.

        `path` (with a leading "/", and a query if you like; not for text out of a request) is put behind the configured
        URL's. `scope` and `identity_client_id` (None: the system-assigned identity) stand in for the configured ones
        in this call. `authenticate=False` calls without a token; with `user_token` the call is made as that user, and
        as this app without.

        Raises `misconfigured`, `token_unavailable`, `downstream_error`, `downstream_unreachable`,
        `downstream_timeout` or `downstream_invalid_response`; as a user, also what Entra says of that user (refusals.py).
        """
        try:
            from msi_func import replies, retrying
            from msi_func.credentials import is_managed
        except ImportError as error:
            raise missing_dependency(error) from None

        if self._target is None:
            self._target = self._read_target()
        target, timing = self._target, timing or Timing()
        if scope is not None and not is_default_scope(scope):
            raise Problem("misconfigured", f"The scope {DEFAULT_SCOPE_ERROR}.")
        deadline = time.monotonic() + target.timeout
        sent = {"Accept": "application/json", **(headers or {})}
        token = ""
        if authenticate:
            identity = target.identity_client_id if identity_client_id is ... else identity_client_id
            source = _source(identity, scope or target.scope, user_token)
            with timing.hop("token", lambda: source.kind):
                token = source.get(target.timeout)
            sent["Authorization"] = f"Bearer {token}"
            if not is_managed():
                # Signing in on a desk may take as long as it likes; in Azure the token is part of the budget.
                deadline = time.monotonic() + target.timeout
        with timing.hop(self.name):
            answer = retrying.get(_with_path(target.url, path), sent, deadline)
            return replies.relay(answer, token, as_user=user_token is not None)


def _source(identity_client_id: str | None, scope: str, user_token: "UserToken | None") -> "TokenSource | OnBehalfOf":
    """Where the token is from: this app's identity, or Entra in exchange for the user's."""
    if user_token is not None:
        from msi_func.on_behalf_of import OnBehalfOf

        return OnBehalfOf(user_token, scope)
    from msi_func.tokens import tokens

    return tokens(identity_client_id, scope)


def _with_path(url: str, path: str) -> str:
    if not path:
        return url
    path, _, query = path.partition("?")
    if not path.startswith("/") or path.startswith("//") or ".." in unquote(path).split("/") or "#" in path + query:
        raise ValueError("path must begin with one slash and stay below the configured URL")
    parts = urlsplit(url)
    both = "&".join(filter(None, (parts.query, query)))
    return parts._replace(path=parts.path.rstrip("/") + path, query=both).geturl()
