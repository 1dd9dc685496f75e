"""Sharing on an event loop: objects that are created once, and pending requests that several callers await."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")


def process_wide(create: Callable[P, T]) -> Callable[P, T]:
    """Cache the results of `create`, by its arguments, for as long as the running event loop exists.

    The Functions worker has one event loop, so the object exists once per process. Tests and tools run several loops,
    and a session or a pending request cannot move between them. Exceptions are not cached.
    """
    caches: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    @functools.wraps(create)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        cache = caches.get(loop) or caches.setdefault(loop, functools.cache(create))
        result: T = cache(*args, **kwargs)
        return result

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
