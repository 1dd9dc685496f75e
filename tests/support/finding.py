"""Outcomes of SigningKeys and AccessTokenValidator as short strings, and the fetches pending on a test's event loop."""

import asyncio

from aad_func.access_token import AccessTokenValidator
from aad_func.signing_keys import SigningKeys
from common.problems import Problem


async def found(keys: SigningKeys, kid: str) -> str:
    """Return "found", or the problem's code, followed by its Retry-After if it has one."""
    try:
        await keys.get_key(kid)
    except Problem as problem:
        return problem.code if problem.retry_after is None else f"{problem.code} {problem.retry_after}"
    return "found"


async def validated(validator: AccessTokenValidator, token: str) -> str:
    """Return the kind of caller, or the problem's code."""
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
