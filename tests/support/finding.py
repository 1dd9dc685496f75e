"""Outcomes of SigningKeys and AccessTokenValidator as strings, and pending fetches."""

import asyncio

from aad_func.access_token import AccessTokenValidator
from aad_func.signing_keys import SigningKeys
from common.problems import Problem


async def found(keys: SigningKeys, kid: str) -> str:
    """Return "found", or the problem's code and, if it has one, its Retry-After."""
    try:
        await keys.get_key(kid)
    except Problem as problem:
        return problem.code if problem.retry_after is None else f"{problem.code} {problem.retry_after}"
    return "found"


async def validated(validator: AccessTokenValidator, token: str) -> str:
    """Return the caller's kind, or the problem's code."""
    try:
        return (await validator.validate(f"Bearer {token}")).kind
    except Problem as problem:
        return problem.code


def pending_fetches(loop: asyncio.AbstractEventLoop) -> set["asyncio.Task[None]"]:
    """Return the pending fetches. Between two calls of `Runner.run` there are no other tasks."""
    return asyncio.all_tasks(loop)


async def finish_fetches() -> None:
    """Await every pending fetch."""
    current = asyncio.current_task()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not current))
