"""process_wide: one object per event loop and arguments. PendingRequest: one request for all waiting callers."""

import asyncio

import pytest

from common.problems import Problem
from common.process_wide import PendingRequest, process_wide
from tests.support.clock import MUCH_LATER


@process_wide
def created(name: str = "") -> object:
    return object()


def test_object_exists_once_per_event_loop_and_arguments():
    async def both() -> tuple[object, object]:
        assert created() is created()
        assert created("a") is created("a") is not created("b")
        return created(), created("a")

    first, second = asyncio.run(both()), asyncio.run(both())
    assert not {*first} & {*second}


def test_exception_is_not_cached():
    outcomes = iter([Problem("misconfigured"), None])

    @process_wide
    def create() -> str:
        if error := next(outcomes):
            raise error
        return "created"

    async def twice() -> str:
        with pytest.raises(Problem):
            create()
        return create()

    assert asyncio.run(twice()) == "created"


class Request:
    """A request that completes when `allowed` is set."""

    def __init__(self) -> None:
        self.sent = 0
        self.completed = 0
        self.allowed = asyncio.Event()

    async def __call__(self) -> None:
        self.sent += 1
        await self.allowed.wait()
        self.completed += 1


def test_all_callers_share_one_request():
    async def many() -> int:
        pending, request = PendingRequest(), Request()

        async def call() -> None:
            pending.start(request)
            await pending.wait()
            assert request.completed == 1

        callers = [asyncio.create_task(call()) for _ in range(16)]
        await asyncio.sleep(0)
        request.allowed.set()
        await asyncio.gather(*callers)
        return request.sent

    assert asyncio.run(many()) == 1


def test_next_request_is_sent_after_the_first_has_completed():
    async def two() -> int:
        pending, request = PendingRequest(), Request()
        request.allowed.set()
        for _ in range(2):
            pending.start(request)
            await pending.wait()
        return request.sent

    assert asyncio.run(two()) == 2


def test_canceled_caller_does_not_cancel_the_request():
    async def cancel_one() -> tuple[int, int]:
        pending, request = PendingRequest(), Request()

        async def call() -> None:
            pending.start(request)
            await pending.wait()

        first, second = asyncio.create_task(call()), asyncio.create_task(call())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not second.done()
        request.allowed.set()
        await second
        return request.sent, request.completed

    assert asyncio.run(cancel_one()) == (1, 1)


def test_request_completes_after_every_caller_has_timed_out():
    async def time_out() -> int:
        pending, request = PendingRequest(), Request()
        pending.start(request)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await pending.wait()
        request.allowed.set()
        async with asyncio.timeout(MUCH_LATER):
            await pending.wait()
        return request.completed

    assert asyncio.run(time_out()) == 1


def test_wait_without_a_request_returns():
    asyncio.run(PendingRequest().wait())
