"""Slow work is done once, however many ask for it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from common.single_flight import SingleFlight


def test_all_who_ask_meanwhile_share_one_run():
    allowed, runs = threading.Event(), []

    def work() -> int:
        runs.append(1)
        allowed.wait(30)
        return len(runs)

    flight = SingleFlight(work, "test", patience=60)
    with ThreadPoolExecutor(16) as pool:
        joined = list(pool.map(lambda _: flight.join(), range(16)))
    allowed.set()
    assert [each.result(30) for each in joined if each] == [1] * 16
    assert flight.join().result(30) == 2


def test_all_share_a_failure_and_the_next_run_is_a_new_one():
    outcomes = iter([ValueError("first"), None])

    def work() -> str:
        error = next(outcomes)
        if error:
            raise error
        return "second"

    flight = SingleFlight(work, "test", patience=60)
    with pytest.raises(ValueError, match="first"):
        flight.join().result(30)
    assert flight.join().result(30) == "second"


def test_nothing_starts_where_it_may_not():
    flight = SingleFlight(lambda: 1, "test", patience=60)
    assert flight.join(may_start=lambda: False) is None
    assert isinstance(flight.join(), Future)


def test_a_system_without_threads_left_is_no_failure_of_who_asks(monkeypatch: pytest.MonkeyPatch):
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    flight = SingleFlight(lambda: 1, "test", patience=60)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert flight.join() is None
    assert flight.join().result(30) == 1
