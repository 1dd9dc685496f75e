"""HTTP requests and tokens for command-line tools, through msi-func's own client and with its limits."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from msi_func import http_client, http_session
from msi_func.credentials import access_token
from msi_func.http_client import DownstreamResponse
from msi_func.http_session import HttpError

__all__ = ["DownstreamResponse", "HttpError", "send", "token_for"]

T = TypeVar("T")


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

    return _run(request())


def token_for(identity_client_id: str | None, scope: str) -> str:
    """Return the access token that this machine gets for `scope`. Raises `token_unavailable`."""
    return _run(access_token(identity_client_id, scope))


def _run(work: Coroutine[Any, Any, T]) -> T:
    async def closing() -> T:
        try:
            return await work
        finally:
            await http_session.session().close()

    return asyncio.run(closing())
