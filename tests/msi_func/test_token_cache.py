"""TokenCache: one request for all callers, refresh in the background, failures shared for a short time."""

import asyncio
import gc
import time
import weakref
from collections.abc import Awaitable

import pytest
from azure.core.credentials import AccessTokenInfo

from common.problems import Problem
from msi_func.token_cache import (
    MIN_RENEWAL_INTERVAL,
    REFRESH_BEFORE_EXPIRY,
    SHARE_OUTAGE_FOR,
    SHARE_REJECTION_FOR,
    TokenCache,
)
from tests.support.clock import Clock
from tests.support.waiting import run_bounded, settled

Outcome = AccessTokenInfo | Problem


class Endpoint:
    """A token endpoint that returns or raises the outcomes in order, then repeats the last one.

    It delays them between `hang` and `proceed`.
    """

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self._continue = asyncio.Event()
        self._continue.set()
        self.requests = 0

    def hang(self) -> None:
        self._continue.clear()

    def proceed(self) -> None:
        self._continue.set()

    async def request(self) -> AccessTokenInfo:
        self.requests += 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        await self._continue.wait()
        if isinstance(outcome, Problem):
            raise outcome
        return outcome


def unavailable(detail: str = "") -> Problem:
    return Problem("token_unavailable", detail)


@pytest.fixture
def clock() -> Clock:
    return Clock(float(int(time.time())))


@pytest.fixture
def cache(clock: Clock) -> TokenCache:
    return TokenCache(clock=clock, monotonic=clock)


def token(clock: Clock, value: str = "token", *, seconds: int = 3600, refresh_in: int | None = None) -> AccessTokenInfo:
    now = int(clock())
    return AccessTokenInfo(value, now + seconds, refresh_on=None if refresh_in is None else now + refresh_in)


async def code_of(work: Awaitable[str]) -> str:
    with pytest.raises(Problem) as raised:
        await work
    return raised.value.code


def test_all_waiting_callers_share_one_request(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock))
        endpoint.hang()
        callers = [asyncio.create_task(cache.get(endpoint.request)) for _ in range(200)]
        await settled()
        endpoint.proceed()
        assert await asyncio.gather(*callers) == ["token"] * 200
        assert await cache.get(endpoint.request) == "token"
        assert endpoint.requests == 1

    run_bounded(work())


@pytest.mark.parametrize("is_first", [True, False], ids=["the caller that started it", "a caller that joined"])
def test_canceled_caller_does_not_cancel_the_request(is_first, clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock))
        endpoint.hang()
        callers = [asyncio.create_task(cache.get(endpoint.request)) for _ in range(2)]
        await settled()
        canceled, waiting = callers if is_first else reversed(callers)
        canceled.cancel()
        await settled()
        assert canceled.cancelled()
        assert not waiting.done()
        endpoint.proceed()
        assert await waiting == "token"
        assert endpoint.requests == 1

    run_bounded(work())


def test_token_that_arrives_after_all_callers_timed_out_serves_the_next_one(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock))
        endpoint.hang()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await cache.get(endpoint.request)
        endpoint.proceed()
        assert await cache.get(endpoint.request) == "token"
        assert endpoint.requests == 1

    run_bounded(work())


REFRESH = [
    ("refresh_on", {"seconds": 86_400, "refresh_in": 43_200}, 43_200),
    ("5 minutes before expiry", {"seconds": 3600}, 3600 - REFRESH_BEFORE_EXPIRY),
]


@pytest.mark.parametrize(("why", "lifetime", "refresh_after"), REFRESH, ids=[case[0] for case in REFRESH])
def test_token_is_refreshed_in_the_background(why, lifetime, refresh_after, clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "first", **lifetime), token(clock, "second", seconds=2 * 86_400))
        assert await cache.get(endpoint.request) == "first"
        clock.advance(seconds=refresh_after - 1)
        assert await cache.get(endpoint.request) == "first"
        await settled()
        assert endpoint.requests == 1
        clock.advance(seconds=1)
        endpoint.hang()
        assert [await cache.get(endpoint.request) for _ in range(5)] == ["first"] * 5
        await settled()
        assert endpoint.requests == 2
        endpoint.proceed()
        await settled()
        assert await cache.get(endpoint.request) == "second"
        assert endpoint.requests == 2

    run_bounded(work())


def test_expired_token_is_not_used_although_its_refresh_is_not_due(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "first", seconds=600, refresh_in=3600), token(clock, "second", seconds=7200))
        assert await cache.get(endpoint.request) == "first"
        clock.advance(seconds=600)
        assert await cache.get(endpoint.request) == "second"

    run_bounded(work())


def test_valid_token_is_used_while_its_refresh_fails(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, refresh_in=1800), unavailable())
        assert await cache.get(endpoint.request) == "token"
        clock.advance(seconds=1800)
        for attempt in range(1, 10):
            assert [await cache.get(endpoint.request) for _ in range(3)] == ["token"] * 3
            await settled()
            assert [await cache.get(endpoint.request) for _ in range(3)] == ["token"] * 3
            await settled()
            assert endpoint.requests == 1 + attempt
            clock.advance(seconds=SHARE_OUTAGE_FOR)
        clock.advance(seconds=1800)
        assert await code_of(cache.get(endpoint.request)) == "token_unavailable"

    run_bounded(work())


SHARED = [("token_unavailable", SHARE_OUTAGE_FOR), ("user_token_rejected", SHARE_REJECTION_FOR)]


@pytest.mark.parametrize(("code", "seconds"), SHARED)
def test_failure_is_shared_for_a_short_time(code, seconds, clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(Problem(code), token(clock))
        callers = [asyncio.create_task(cache.get(endpoint.request)) for _ in range(100)]
        assert {await code_of(caller) for caller in callers} == {code}
        clock.advance(seconds=seconds - 0.1)
        assert await code_of(cache.get(endpoint.request)) == code
        assert endpoint.requests == 1
        clock.advance(seconds=0.1)
        assert await cache.get(endpoint.request) == "token"
        assert endpoint.requests == 2

    run_bounded(work())


def test_outage_is_shared_for_3_seconds_and_rejection_for_30():
    assert (SHARE_OUTAGE_FOR, SHARE_REJECTION_FOR, REFRESH_BEFORE_EXPIRY) == (3, 30, 300)


def test_callers_share_no_exception_object(cache: TokenCache):
    """An exception raised by many tasks would accumulate their tracebacks."""

    async def work() -> None:
        endpoint = Endpoint(Problem("token_unavailable", "the cause", scope="s", endpoint_status=500))
        failures = await asyncio.gather(*(cache.get(endpoint.request) for _ in range(16)), return_exceptions=True)
        assert len({id(failure) for failure in failures}) == 16
        for failure in failures:
            assert isinstance(failure, Problem)
            assert (failure.detail, failure.members) == ("the cause", {"scope": "s", "endpoint_status": 500})

    run_bounded(work())


@pytest.mark.parametrize("fails", [False, True])
def test_request_is_released_after_its_outcome(fails, clock: Clock, cache: TokenCache):
    class Secret:
        """Referenced only by the frames of the request, like a user's assertion."""

    references: list[weakref.ref[Secret]] = []

    async def work() -> None:
        secret = Secret()
        references.append(weakref.ref(secret))

        async def request() -> AccessTokenInfo:
            assert secret
            if fails:
                raise unavailable()
            return token(clock)

        for _ in range(2):
            await asyncio.gather(*(cache.get(request) for _ in range(3)), return_exceptions=True)

    run_bounded(work())
    gc.collect()
    assert references[0]() is None
    assert not cache.is_expired or fails


def test_timeout_after_a_failure_is_not_reported_as_that_failure(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(unavailable("the earlier cause"))
        assert await code_of(cache.get(endpoint.request)) == "token_unavailable"
        clock.advance(seconds=SHARE_OUTAGE_FOR)
        endpoint.hang()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await cache.get(endpoint.request)

    run_bounded(work())


def test_clock_that_is_set_back_does_not_prolong_a_cached_failure(clock: Clock):
    monotonic = Clock()
    cache = TokenCache(clock=clock, monotonic=monotonic)

    async def work() -> None:
        endpoint = Endpoint(unavailable(), token(clock))
        assert await code_of(cache.get(endpoint.request)) == "token_unavailable"
        clock.advance(hours=-1)
        monotonic.advance(seconds=SHARE_OUTAGE_FOR)
        assert await cache.get(endpoint.request) == "token"

    run_bounded(work())


def test_short_lived_token_is_not_requested_for_each_call(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "a", seconds=100), token(clock, "b", seconds=300))
        for _ in range(20):
            assert await cache.get(endpoint.request) == "a"
            await settled()
        assert endpoint.requests == 1
        clock.advance(seconds=100)
        assert await cache.get(endpoint.request) == "b"
        assert endpoint.requests == 2

    run_bounded(work())


def test_unexpected_exception_reaches_the_callers_and_the_next_call_makes_a_new_request(
    clock: Clock, cache: TokenCache
):
    async def broken() -> AccessTokenInfo:
        raise RuntimeError("a programming error")

    async def work() -> None:
        with pytest.raises(RuntimeError):
            await cache.get(broken)
        assert await cache.get(Endpoint(token(clock)).request) == "token"

    run_bounded(work())


# Renewal


def test_64_callers_with_a_rejected_token_make_one_request(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "rejected"), token(clock, "new"))
        assert await cache.get(endpoint.request) == "rejected"
        endpoint.hang()
        callers = [asyncio.create_task(cache.renew("rejected", endpoint.request)) for _ in range(64)]
        await settled()
        assert await cache.get(endpoint.request) == "rejected"  # still valid for other requests
        endpoint.proceed()
        assert await asyncio.gather(*callers) == ["new"] * 64
        assert await cache.renew("rejected", endpoint.request) == "new"  # a late caller
        assert endpoint.requests == 2

    run_bounded(work())


def test_renewal_is_made_once_per_interval(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(*(token(clock, f"token {number}") for number in range(9)))
        rejected = await cache.get(endpoint.request)
        for number in range(1, 4):
            newer = await cache.renew(rejected, endpoint.request)
            assert newer == f"token {number}"
            clock.advance(seconds=MIN_RENEWAL_INTERVAL - 0.1)
            assert await cache.renew(newer, endpoint.request) == newer  # rejected again within the interval
            clock.advance(seconds=0.1)
            rejected = newer
        assert endpoint.requests == 4

    run_bounded(work())


def test_token_requested_during_the_call_is_not_renewed(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "rejected"), token(clock, "new"))
        clock.advance(seconds=5)
        started = clock()
        await cache.get(endpoint.request)
        assert await cache.renew("rejected", endpoint.request, older_than=started) == "rejected"
        clock.advance(seconds=1)
        assert await cache.renew("rejected", endpoint.request, older_than=clock()) == "new"

    run_bounded(work())


@pytest.mark.parametrize("code", ["token_unavailable", "federated_credential_mismatch", "user_not_assigned"])
def test_failed_renewal_keeps_the_valid_token(code, clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "rejected"), Problem(code), token(clock, "new"))
        await cache.get(endpoint.request)
        assert await cache.renew("rejected", endpoint.request) == "rejected"
        assert await cache.get(endpoint.request) == "rejected"
        clock.advance(seconds=MIN_RENEWAL_INTERVAL)
        assert await cache.renew("rejected", endpoint.request) == "new"

    run_bounded(work())


def test_renewal_that_needs_the_user_is_reported_to_every_caller(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "rejected"), Problem("interaction_required"))
        await cache.get(endpoint.request)
        for _ in range(3):
            assert await code_of(cache.renew("rejected", endpoint.request)) == "interaction_required"
        assert await cache.get(endpoint.request) == "rejected"  # other APIs may still accept it
        assert endpoint.requests == 2

    run_bounded(work())


def test_renewal_does_not_share_a_pending_refresh(clock: Clock, cache: TokenCache):
    """The refresh lacks the claims that the API requires."""

    async def work() -> None:
        refresh = Endpoint(token(clock, "rejected", refresh_in=10), unavailable())
        renewal = Endpoint(token(clock, "new"))
        await cache.get(refresh.request)
        clock.advance(seconds=10)
        refresh.hang()
        await cache.get(refresh.request)  # starts the refresh
        caller = asyncio.create_task(cache.renew("rejected", renewal.request))
        await settled()
        refresh.proceed()
        assert await caller == "new"
        assert renewal.requests == 1

    run_bounded(work())


def test_failed_claims_challenge_does_not_replace_a_missing_role(clock: Clock, cache: TokenCache):
    async def work() -> None:
        endpoint = Endpoint(token(clock, "rejected"), Problem("interaction_required"))
        await cache.get(endpoint.request)
        assert await code_of(cache.renew("rejected", endpoint.request)) == "interaction_required"
        assert await cache.renew("rejected", endpoint.request, older_than=clock() + 1) == "rejected"

    run_bounded(work())


def test_renewal_interval_is_30_seconds():
    assert MIN_RENEWAL_INTERVAL == 30
