"""HTTP requests, tokens and the event loop of the tools. Requests use msi-func's HTTP client."""

import asyncio
import functools
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from msi_func import http_client, http_session
from msi_func.credentials import AppTokenSource
from msi_func.http_client import DownstreamResponse
from msi_func.http_session import HttpError

__all__ = ["DownstreamResponse", "HttpError", "close", "run", "send", "token_for"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the tool's event loop."""
    return _runner().run(work)


async def send(
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> DownstreamResponse:
    """Send one request without retries, and return the response, whatever its status. Raises HttpError."""
    deadline = asyncio.get_running_loop().time() + seconds
    return await http_client.send(
        method, url, deadline=deadline, max_bytes=max_bytes, headers=headers, body=body, max_attempts=1
    )


async def token_for(identity: AppTokenSource, scope: str) -> str:
    """Return a new access token for `scope`. Raises `token_unavailable`, with the reason in `__context__`."""
    return (await identity.request_token(scope)).token


def close() -> None:
    """Close the session and the event loop. Called once, when a tool ends."""

    async def close_session() -> None:
        await http_session.session().close()

    if _runner.cache_info().currsize:
        with _runner() as runner:
            runner.run(close_session())
        _runner.cache_clear()


_runner = functools.cache(asyncio.Runner)  # one event loop, and therefore one session, per tool
