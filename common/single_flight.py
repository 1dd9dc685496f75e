"""Doing slow work once, however many ask for it at the same time."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs `work` in a thread of its own, one run at a time; all who ask meanwhile share the run and its outcome.

    The outcome is a `concurrent.futures.Future`, so threads can wait for it with a timeout and event loops through
    `asyncio.wrap_future`. Nothing is kept once a run is over.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def join(self, *, may_start: Callable[[], bool] = lambda: True) -> "Future[T] | None":
        """The run that is under way, else a new one; None where `may_start` (asked under a lock) says no, and where
        the system has no thread left.
        """
        with self._lock:
            if self._flight is None and may_start():
                flight: Future[T] = Future()
                # A daemon: a process that ends does not wait for an answer that nobody will use.
                thread = threading.Thread(target=self._run, args=(flight,), name=self._name, daemon=True)
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._flight = flight
            return self._flight

    def _run(self, flight: "Future[T]") -> None:
        try:
            outcome = self._work()
        except BaseException as error:
            self._land()
            flight.set_exception(error)
        else:
            self._land()
            flight.set_result(outcome)

    def _land(self) -> None:
        with self._lock:
            self._flight = None
