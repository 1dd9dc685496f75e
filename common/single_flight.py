"""Doing slow work once, however many ask for it at the same time."""

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs `work` in a thread of its own, one run at a time; all who ask meanwhile share the run and its outcome.

    The outcome is a `concurrent.futures.Future`, so threads can wait for it with a timeout and event loops through
    `asyncio.wrap_future`. Nothing is kept once a run is over. A run that takes longer than `patience` seconds (of
    `clock`, which never goes backwards) is left to itself, and who asks then gets a new one.
    """

    def __init__(
        self, work: Callable[[], T], name: str, *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._work = work
        self._name = name
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None
        self._started = 0.0

    def join(self, *, may_start: Callable[[], bool] = lambda: True) -> "Future[T] | None":
        """The run that is under way, else a new one; None where `may_start` (asked under a lock) says no, and where
        the system has no thread left.
        """
        with self._lock:
            if self._flight is not None and self._clock() - self._started > self._patience:
                self._flight = None
            if self._flight is None and may_start():
                flight: Future[T] = Future()
                # A daemon: a process that ends does not wait for an answer that nobody will use.
                thread = threading.Thread(target=self._run, args=(flight,), name=self._name, daemon=True)
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._flight, self._started = flight, self._clock()
            return self._flight

    def _run(self, flight: "Future[T]") -> None:
        try:
            outcome = self._work()
        except BaseException as error:
            self._land(flight)
            flight.set_exception(error)
        else:
            self._land(flight)
            flight.set_result(outcome)

    def _land(self, flight: "Future[T]") -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None
