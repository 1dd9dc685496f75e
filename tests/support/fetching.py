"""Requests through http_client, with default limits."""

import asyncio
from typing import Any

from msi_func.http_client import DownstreamResponse, send
from msi_func.http_session import HttpError
from tests.support.caller import Caller
from tests.support.scripted import Reply, Request, http

SECONDS, MAX_BYTES = 30.0, 1024 * 1024
OK = http(200, b"ok")


async def fetch(url: str, seconds: float = SECONDS, *, method: str = "GET", **options: Any) -> DownstreamResponse:
    deadline = asyncio.get_running_loop().time() + seconds
    return await send(method, url, deadline=deadline, max_bytes=MAX_BYTES, **options)


def error_of(caller: Caller, url: str, seconds: float = SECONDS, **options: Any) -> HttpError:
    problem = caller.problem_of(fetch(url, seconds, **options))
    assert isinstance(problem, HttpError)
    return problem


def echo(request: Request) -> Reply:
    return http(200, request.target.encode())
