"""The two mechanisms for sharing on the event loop: objects that exist once, and requests that are sent once."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
P = ParamSpec("P")
T = TypeVar("T")


def process_wide(create: Callable[P, T]) -> Callable[P, T]:
    """Cache what `create` returns, by its arguments, for as long as the running event loop exists.

    The Functions worker has one event loop, so the object exists once per process. Tests and tools run several loops,
    and a session or a pending request cannot move between them. Exceptions are not cached.
    """
    caches: WeakKeyDictionary[asyncio.AbstractEventLoop, Callable[P, T]] = WeakKeyDictionary()

    @functools.wraps(create)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        if loop not in caches:
            caches[loop] = functools.cache(create)
        return caches[loop](*args, **kwargs)

    return cached


class PendingRequests(Generic[K, T]):
    """Requests in flight, at most one per key, each shared by all callers that wait for it.

    A canceled caller cancels nothing: the request completes for the other callers, or for the next one.
    """

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[T]] = {}

    def get(self, key: K) -> "asyncio.Task[T] | None":
        """Return the pending request for `key`, if there is one. Await it with `asyncio.shield`."""
        return self._tasks.get(key)

    def start(self, key: K, request: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Task[T]":
        """Return the pending request for `key`, or start it. Await it with `asyncio.shield`."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(request())
            task.add_done_callback(lambda done: self._finish(key, done))
        return task

    def _finish(self, key: K, task: "asyncio.Task[T]") -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # Retrieved here, because every caller may have been canceled by now.
