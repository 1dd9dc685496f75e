"""Measurement of the time for which the event loop of this process is blocked."""

import asyncio
import gc
import resource
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any

INTERVAL = 0.01  # seconds

Step = Callable[[], Any]


class LoopLag:
    """The longest step of a task (`blocked`), garbage collection (`collecting`) and delay of a timer (`late`).

    All times are in seconds. During a step, nothing else runs on the event loop. A garbage collection is part of a
    step. A timer is also delayed by the steps of other tasks and by other processes.
    """

    def __init__(self) -> None:
        self.blocked = self.collecting = self.late = 0.0
        self._collection_start = 0.0

    async def watch(self) -> None:
        """Measure all tasks that are created from now on, until this coroutine is canceled."""
        asyncio.get_running_loop().set_task_factory(self._create_task)
        gc.callbacks.append(self._measure_collection)
        try:
            while True:
                due = time.perf_counter() + INTERVAL
                await asyncio.sleep(INTERVAL)
                self.late = max(self.late, time.perf_counter() - due)
        finally:
            gc.callbacks.remove(self._measure_collection)

    def _create_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        return asyncio.Task(_Measured(coroutine, self._measure), loop=loop, **options)

    def _measure_collection(self, phase: str, info: object) -> None:
        if phase == "start":
            self._collection_start = time.thread_time()
        else:
            self.collecting = max(self.collecting, time.thread_time() - self._collection_start)

    def _measure(self, step: Step) -> Any:
        waits, cpu, start = _waits(), time.thread_time(), time.perf_counter()
        try:
            return step()
        finally:
            elapsed, busy = time.perf_counter() - start, time.thread_time() - cpu
            self.blocked = max(self.blocked, blocked_seconds(elapsed, busy, _waits() - waits))


class _Measured(Coroutine[Any, Any, Any]):
    """A coroutine that passes each of its steps to `measure`."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], measure: Callable[[Step], Any]) -> None:
        self._coroutine = coroutine
        self._measure = measure

    def send(self, value: Any) -> Any:
        return self._measure(lambda: self._coroutine.send(value))

    def throw(self, *error: Any) -> Any:
        return self._measure(lambda: self._coroutine.throw(*error))

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()


def _waits() -> int:
    """Return the number of times that this thread has waited for something other than a CPU core."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def blocked_seconds(elapsed: float, busy: float, waits: int) -> float:
    """Return the time for which a step blocked the event loop.

    If the step did not wait, this is its CPU time, which excludes the time that other processes used the core.
    Otherwise it is the elapsed time.
    """
    return elapsed if waits else busy
