"""The two mechanisms for sharing on the event loop: objects that exist once, and requests that are sent once."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def process_wide(create: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """Cache what `create` returns, by its positional arguments and the running event loop. Exceptions are not cached.

    The Functions worker has one event loop, so the object exists once per process. Tests and tools run several loops,
    and a session or a pending request cannot move between them.
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

    A canceled caller cancels nothing: the request completes for the other callers, or for the next one.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start `request`, which handles its own errors, unless one is in flight."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(request())

    async def wait(self) -> None:
        """Wait for the request in flight, if there is one."""
        if self._task is not None:
            await asyncio.shield(self._task)
