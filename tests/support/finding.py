"""Asking SigningKeys and BearerTokens from a test, which is no event loop."""

import asyncio
import threading

from aad_func.bearer import BearerTokens
from aad_func.signing_keys import SigningKeys
from common.problems import Problem


def found(keys: SigningKeys, kid: str) -> str:
    """ "found", or the code of the problem; with Retry-After where there is one."""
    try:
        asyncio.run(keys.find(kid))
    except Problem as problem:
        return problem.code if problem.retry_after is None else f"{problem.code} {problem.retry_after}"
    return "found"


def judged(tokens: BearerTokens, token: str) -> str:
    """The kind of caller, or the code of the problem."""
    try:
        return asyncio.run(tokens.caller(f"Bearer {token}")).kind
    except Problem as problem:
        return problem.code


def fetching() -> list[threading.Thread]:
    """The fetches under way at this moment."""
    return [thread for thread in threading.enumerate() if thread.name == "signing-keys"]


def settle() -> None:
    """Wait until no fetch is under way."""
    for thread in fetching():
        thread.join(10)
        assert not thread.is_alive()
