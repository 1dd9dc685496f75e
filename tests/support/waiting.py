"""Waiting for something that another thread or task does."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

WAIT_LIMIT = 30  # seconds


def run_bounded(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on an event loop of its own. Fails if it has not ended after WAIT_LIMIT."""

    async def bounded() -> None:
        async with asyncio.timeout(WAIT_LIMIT):
            await work

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds, while the event loop goes on. Fails after WAIT_LIMIT."""
    end = time.monotonic() + WAIT_LIMIT
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        await asyncio.sleep(0.01)


async def settled() -> None:
    """Let every task proceed as far as it can without time passing and without I/O."""
    for _ in range(20):
        await asyncio.sleep(0)
