"""HTTP requests and tokens for command-line tools, through msi-func's own client and with its limits."""

import asyncio
import functools
from collections.abc import Mapping

from msi_func import http_client, http_session
from msi_func.credentials import AppIdentity
from msi_func.http_client import DownstreamResponse
from msi_func.http_session import HttpError

__all__ = ["DownstreamResponse", "HttpError", "close", "send", "token_for"]


def send(
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> DownstreamResponse:
    """Send one request, without retries, and return the response whatever its status. Raises HttpError."""

    async def request() -> DownstreamResponse:
        deadline = asyncio.get_running_loop().time() + seconds
        return await http_client.send(
            method, url, deadline=deadline, max_bytes=max_bytes, headers=headers, body=body, max_attempts=1
        )

    return _runner().run(request())


def token_for(identity_client_id: str | None, scope: str) -> str:
    """Return the access token that this machine gets for `scope`. Raises `token_unavailable`."""
    return _runner().run(AppIdentity(identity_client_id).get_token(scope))


def close() -> None:
    """Close the session. Called once, when a tool ends."""

    async def close_session() -> None:
        await http_session.session().close()

    if _runner.cache_info().currsize:
        with _runner() as runner:
            runner.run(close_session())
        _runner.cache_clear()


_runner = functools.cache(asyncio.Runner)  # one event loop per tool, and so one session and one token per scope
