"""Sharing on the event loop: objects that exist once per process, and requests that all waiting callers share."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def process_wide(create: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """Cache the return values of `create` by positional arguments and running event loop. Exceptions are not cached.

    The Functions worker has one event loop, so each object exists once per process. Tests and tools run several event
    loops, and an HTTP session or a pending request works only on the event loop that created it.
    """

    @functools.cache
    def create_on(loop: asyncio.AbstractEventLoop, *args: Any) -> T:
        return create(*args)

    @functools.wraps(create)
    def cached(*args: *Ts) -> T:
        return create_on(asyncio.get_running_loop(), *args)

    return cached


class PendingRequest:
    """At most one request in flight, shared by all callers that wait for it.

    Canceling a caller does not cancel the request, because other callers may wait for it or use its result later.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start `request` unless a request is in flight. `request` must not raise."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(request())

    async def wait(self) -> None:
        """Wait for the request in flight, if there is one."""
        if self._task is not None:
            await asyncio.shield(self._task)
