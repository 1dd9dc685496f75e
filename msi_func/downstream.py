"""DownstreamApi: a client for one protected API. Requests carry this app's token or one on behalf of a user."""

import asyncio
import json as jsonlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partialmethod
from types import EllipsisType
from typing import Any

from multidict import CIMultiDict

from common.problems import Problem
from common.settings import Settings
from msi_func import http_client
from msi_func.api_url import is_same_origin, join_url
from msi_func.app_registration import AppRegistration
from msi_func.authentication import TokenSource, send_authenticated
from msi_func.credentials import AppIdentity
from msi_func.downstream_errors import check_response, name_settings
from msi_func.http_client import DownstreamResponse
from msi_func.on_behalf_of import SignedInUser
from msi_func.server_timing import ServerTiming
from msi_func.user_assertion import UserAssertion

MAX_TIMEOUT = 230  # seconds, the time limit of Azure's load balancer for an HTTP request
MAX_PAGES = 1000

# This module or aiohttp sets these headers. Other values could send the token elsewhere or allow request smuggling.
_RESERVED_HEADER = re.compile(r"(?i)authorization|host|content-length|transfer-encoding|connection|expect|proxy-.*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\n[\t\x20-\x7e]*")  # name, line break, value (RFC 9110 section 5)


@dataclass(frozen=True, slots=True)
class DownstreamApiOptions:
    """The API's URL, the scope, the identity that requests tokens, and the limits in seconds and bytes."""

    url: str
    scope: str
    identity: AppIdentity | AppRegistration
    timeout: float
    max_response_bytes: int


class DownstreamApi:
    """A client for one protected API. Create one per API, at module level; settings are read on the first request.

    graph = DownstreamApi.from_settings("GRAPH")  # GRAPH_URL, GRAPH_SCOPE, ...
    organization = (await graph.get("/organization")).json()
    """

    def __init__(self, prefix: str) -> None:
        self.name = prefix.lower().replace("_", "-")
        self._prefix = prefix

    @classmethod
    def from_settings(cls, prefix: str) -> "DownstreamApi":
        """Return a client for the settings PREFIX_URL, PREFIX_SCOPE and so on, which are read on the first request."""
        return cls(prefix)

    @cached_property
    def options(self) -> DownstreamApiOptions:
        """The settings, which are read on first use. Raises `misconfigured`."""
        prefix = self._prefix
        with Settings() as settings:
            return DownstreamApiOptions(
                url=settings.url(f"{prefix}_URL"),
                scope=settings.scope(f"{prefix}_SCOPE"),
                identity=_identity(settings, prefix),
                timeout=settings.number(f"{prefix}_TIMEOUT_SECONDS", 10, maximum=MAX_TIMEOUT),
                max_response_bytes=int(settings.number(f"{prefix}_MAX_RESPONSE_BYTES", 2**20, maximum=2**28)),
            )

    async def request(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        timeout: float | None = None,
        scope: str | None = None,
        identity_client_id: str | EllipsisType | None = ...,
        authenticate: bool = True,
        user: UserAssertion | None = None,
        timing: ServerTiming | None = None,
    ) -> DownstreamResponse:
        """Send a request and return the API's 2xx response. `get`, `post`, `put`, `patch` and `delete` are shortcuts.

        `path` begins with "/", may have a query, and is appended to the configured URL. `path` can also be a URL of the
        same origin. Never build `path` from unchecked input. `params` are added to the query. The body is `json`, or
        `content` with the type `content_type`. `timeout` (seconds), `scope` and `identity_client_id` (None selects the
        system-assigned identity) override the settings. The request carries a token of this app, a token on behalf of
        `user` if there is one, or no token if `authenticate` is False. `timing` records the durations.

        Raises `misconfigured`, `token_unavailable`, `downstream_error`, `downstream_unreachable`, `downstream_timeout`,
        `downstream_invalid_response` and the problems in entra_errors.py. Raises ValueError if `path` is neither below
        the configured URL nor a URL of the same origin, or if a header is reserved or invalid.
        """
        options, timing = self.options, timing or ServerTiming()
        url = join_url(options.url, path, params) if path or params else options.url
        body = content if json is None else jsonlib.dumps(json).encode()
        sent = CIMultiDict({"Accept": "application/json", **({} if body is None else {"Content-Type": content_type})})
        sent.update(headers or {})
        _check_headers(sent)

        async def send(token: str, deadline: float) -> DownstreamResponse:
            if token:
                sent["Authorization"] = f"Bearer {token}"
            with timing.metric(self.name):
                return await http_client.send(
                    method, url, deadline=deadline, max_bytes=options.max_response_bytes, headers=sent, body=body
                )

        source: TokenSource = SignedInUser(user) if user else options.identity
        if user is None and identity_client_id is not ...:
            source = AppIdentity(identity_client_id)
        seconds, tokens = timeout or options.timeout, tuple[str, ...]()
        try:
            if authenticate:
                response, tokens = await send_authenticated(send, source, scope or options.scope, seconds, timing)
            else:
                response = await send("", asyncio.get_running_loop().time() + seconds)
            check_response(response, *tokens)
        except Problem as problem:
            name_settings(problem, self._prefix)
            raise
        return response

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")

    async def pages(self, path: str = "", **options: Any) -> AsyncIterator[Any]:
        """Yield the JSON of each page of an OData collection. `options` are those of `request`.

        The next page is the URL in `@odata.nextLink`, which already contains `params`. Raises
        `downstream_invalid_response` if that URL has another origin, or after MAX_PAGES pages.
        """
        for _ in range(MAX_PAGES):
            page = (await self.get(path, **options)).json()
            yield page
            link = page.get("@odata.nextLink") if isinstance(page, dict) else None
            if not link:
                return
            if not isinstance(link, str) or not is_same_origin(link, self.options.url):
                raise Problem(
                    "downstream_invalid_response", "The link to the next page does not have the called API's origin."
                )
            path, options["params"] = link, None
        raise Problem("downstream_invalid_response", f"The called API returned more than {MAX_PAGES} pages.")


def _identity(settings: Settings, prefix: str) -> AppIdentity | AppRegistration:
    managed_identity = AppIdentity(settings.optional_guid(f"{prefix}_IDENTITY_CLIENT_ID"))
    credential = settings.choice(f"{prefix}_CREDENTIAL", ("managed_identity", "application"))
    return AppRegistration.read(settings) if credential == "application" else managed_identity


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if _RESERVED_HEADER.fullmatch(name):
            raise ValueError(f"callers cannot set the header {name}")
        if not _HEADER.fullmatch(f"{name}\n{value}"):
            raise ValueError("a header name or value is invalid")
