"""Wait for other threads and tasks."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

WAIT_LIMIT = 30  # seconds


def run_bounded(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on a new event loop. Fail if it takes longer than WAIT_LIMIT."""

    async def bounded() -> None:
        async with asyncio.timeout(WAIT_LIMIT):
            await work

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` is true, without blocking the event loop. Fail after WAIT_LIMIT."""
    end = time.monotonic() + WAIT_LIMIT
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        await asyncio.sleep(0.01)


async def settled() -> None:
    """Run all tasks until each waits for I/O or a timer."""
    for _ in range(20):
        await asyncio.sleep(0)
