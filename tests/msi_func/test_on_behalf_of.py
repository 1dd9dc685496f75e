"""On-behalf-of tokens: isolation between users, limits, and forged assertions."""

import asyncio
import gc
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace

import pytest
from azure.core.credentials import AccessTokenInfo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.problems import Problem
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from msi_func import credentials, on_behalf_of
from msi_func.app_registration import AppRegistration
from msi_func.credentials import AppIdentity
from msi_func.on_behalf_of import MAX_CONCURRENT_REQUESTS, TIME_LIMIT, OnBehalfOfTokens, on_behalf_of_tokens
from msi_func.token_cache import SHARE_OUTAGE_FOR, SHARE_REJECTION_FOR
from msi_func.user_assertion import UserAssertion
from tests.support import users
from tests.support.caller import SCOPE, Caller, caller, token_reply
from tests.support.clients import verified
from tests.support.clock import Clock
from tests.support.fake_entra import REJECTED, fake_entra, forged_assertion, token_response
from tests.support.scripted import HANG, Reply, Request, Scripted, as_json
from tests.support.waiting import run_bounded, settled, until

__all__ = ["caller"]

START = 1_000_000.0


def assertion_of(name: str, *, seconds: float = 3600) -> UserAssertion:
    return UserAssertion(f"assertion of {name}", name.encode(), START + seconds, "audience", "tenant")


@dataclass
class Entra:
    """A fake Entra whose tokens contain the user, the scope and a sequence number.

    It raises `fails`, if set, and delays responses between `hang` and `proceed`.
    """

    clock: Clock
    lifetime: float = 3600
    requests: list[tuple[str, str]] = field(default_factory=list)
    fails: Problem | None = None
    pending: int = 0
    most_pending: int = 0
    hangs_for: str = ""  # only for this user, if not empty

    def __post_init__(self) -> None:
        self._continue = asyncio.Event()
        self._continue.set()

    def hang(self) -> None:
        self._continue.clear()

    def proceed(self) -> None:
        self._continue.set()

    def reject_early(self, user: UserAssertion) -> None:
        """Reject nothing."""

    async def acquire_token_on_behalf_of(
        self, user: UserAssertion, scope: str, claims: str | None = None
    ) -> AccessTokenInfo:
        self.requests.append((user.value, scope))
        number = len(self.requests)
        self.pending += 1
        self.most_pending = max(self.pending, self.most_pending)
        try:
            if self.hangs_for in ("", user.value):
                await self._continue.wait()
        finally:
            self.pending -= 1
        if self.fails:
            raise self.fails
        return AccessTokenInfo(f"{user.value}|{scope}|{number}", int(self.clock() + self.lifetime))


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def entra(clock: Clock) -> Entra:
    return Entra(clock)


def tokens_of(entra: Entra, clock: Clock, **options: int) -> OnBehalfOfTokens:
    return OnBehalfOfTokens(entra, clock=clock, monotonic=clock, **options)


async def code_of(work: Awaitable[object]) -> str:
    with pytest.raises(Problem) as raised:
        await work
    return raised.value.code


def test_limits_are_the_documented_constants():
    """All users share the app's memory and its connections to Entra, including senders of forged assertions."""
    assert (on_behalf_of.MAX_ENTRIES, MAX_CONCURRENT_REQUESTS, TIME_LIMIT) == (1000, 16, 15)


# Cache


def test_token_is_cached_per_user_and_scope(clock: Clock, entra: Entra):
    async def work() -> None:
        tokens = tokens_of(entra, clock)
        wanted = [(assertion_of(name), scope) for name in "ab" for scope in ("x/.default", "y/.default")]
        first = [await tokens.get(*one) for one in wanted]
        assert [token.rpartition("|")[0] for token in first] == [f"{user.value}|{scope}" for user, scope in wanted]
        assert [await tokens.get(*one) for one in wanted] == first
        assert len(entra.requests) == len(wanted)

    run_bounded(work())


@pytest.mark.parametrize(("token", "assertion", "expected"), [(60, 3600, 2), (3600, 60, "user_token_expired")])
def test_token_is_dropped_when_it_or_the_assertion_expires(token, assertion, expected, clock: Clock, entra: Entra):
    async def work() -> None:
        entra.lifetime = token
        tokens, user = tokens_of(entra, clock), assertion_of("a", seconds=assertion)
        await tokens.get(user, SCOPE)
        clock.advance(seconds=59)
        await tokens.get(user, SCOPE)
        await settled()
        assert len(entra.requests) == 1
        clock.advance(seconds=1)
        if expected == 2:
            await tokens.get(user, SCOPE)
            assert len(entra.requests) == 2
        else:
            assert await code_of(tokens.get(user, SCOPE)) == expected
            assert len(entra.requests) == 1

    run_bounded(work())


def test_expired_assertion_makes_no_request(clock: Clock, entra: Entra):
    async def work() -> None:
        assert await code_of(tokens_of(entra, clock).get(assertion_of("a", seconds=0), SCOPE)) == "user_token_expired"
        assert entra.requests == []

    run_bounded(work())


def test_least_recently_used_token_is_evicted_first(clock: Clock, entra: Entra):
    async def work() -> None:
        tokens = tokens_of(entra, clock, max_entries=3)
        for name in "abcad":
            await tokens.get(assertion_of(name), SCOPE)
        entra.requests.clear()
        for name in "acdb":
            await tokens.get(assertion_of(name), SCOPE)
        assert entra.requests == [("assertion of b", SCOPE)]
        assert len(tokens._valid) == 3

    run_bounded(work())


def reachable_text(*roots: object) -> str:
    """Return all text that these objects keep alive, apart from code and the event loop."""
    seen: set[int] = set()
    texts: list[str] = []
    left: list[object] = list(roots)
    while left:
        item = left.pop()
        code = (type, ModuleType, FunctionType, asyncio.AbstractEventLoop)
        if id(item) in seen or isinstance(item, code):
            continue
        seen.add(id(item))
        if isinstance(item, str):
            texts.append(item)
        left += gc.get_referents(item)
    return "\n".join(texts)


FAILURES = [None, Problem("user_token_rejected"), Problem("token_unavailable")]


@pytest.mark.parametrize("fails", FAILURES, ids=str)
def test_assertion_is_not_cached(fails, clock: Clock, entra: Entra):
    tokens = tokens_of(entra, clock)

    async def work() -> None:
        entra.fails = fails
        entra.hang()
        callers = [asyncio.create_task(tokens.get(assertion_of(name), SCOPE)) for name in "aabc"]
        await settled()
        assert "assertion of a" in reachable_text(tokens._unproven)  # proves that the search works
        entra.proceed()
        await asyncio.gather(*callers, return_exceptions=True)
        await asyncio.gather(tokens.get(assertion_of("a"), SCOPE), return_exceptions=True)
        await settled()

    run_bounded(work())
    caches = [value for name, value in vars(tokens).items() if name != "_registration"]
    assert len(tokens._valid) + len(tokens._unproven) == 3
    assert "assertion of" not in "\n".join(line for line in reachable_text(caches).splitlines() if "|" not in line)
    assert "assertion of" not in repr(assertion_of("a"))


def test_expired_tokens_are_removed(clock: Clock, entra: Entra):
    async def work() -> None:
        tokens = tokens_of(entra, clock)
        for name in "abc":
            await tokens.get(assertion_of(name, seconds=60), SCOPE)
        clock.advance(seconds=60)
        await tokens.get(assertion_of("d"), SCOPE)
        assert list(tokens._valid) == [(b"d", SCOPE)]
        assert list(tokens._unproven) == []

    run_bounded(work())


def test_expired_token_is_requested_once_while_entries_are_removed(clock: Clock, entra: Entra):
    """Meanwhile, another user's new token removes expired entries."""

    async def work() -> None:
        tokens, user = tokens_of(entra, clock), assertion_of("a")
        entra.lifetime = 60
        await tokens.get(user, SCOPE)
        clock.advance(seconds=60)
        entra.hang()
        first = asyncio.create_task(tokens.get(user, SCOPE))
        await settled()
        entra.hangs_for = user.value
        await tokens.get(assertion_of("b"), SCOPE)
        assert not first.done()
        second = asyncio.create_task(tokens.get(user, SCOPE))
        await settled()
        entra.proceed()
        assert await first == await second
        assert [value for value, _ in entra.requests].count(user.value) == 2
        assert set(tokens._valid) == {(b"a", SCOPE), (b"b", SCOPE)}
        assert list(tokens._unproven) == []

    run_bounded(work())


# Failures


SHARED = [("user_token_rejected", SHARE_REJECTION_FOR), ("interaction_required", SHARE_REJECTION_FOR)]
SHARED += [("token_unavailable", SHARE_OUTAGE_FOR), ("federated_credential_mismatch", SHARE_OUTAGE_FOR)]


@pytest.mark.parametrize(("code", "seconds"), SHARED)
def test_failure_is_cached_by_digest_for_a_short_time(code, seconds, clock: Clock, entra: Entra):
    async def work() -> None:
        tokens, user = tokens_of(entra, clock), assertion_of("a")
        entra.fails = Problem(code)
        for _ in range(3):
            assert await code_of(tokens.get(user, SCOPE)) == code
        clock.advance(seconds=seconds - 0.1)
        assert await code_of(tokens.get(user, SCOPE)) == code
        assert len(entra.requests) == 1
        entra.fails = None
        await tokens.get(assertion_of("b"), SCOPE)  # another assertion has another digest
        clock.advance(seconds=0.1)
        assert (await tokens.get(user, SCOPE)).startswith(user.value)
        assert len(entra.requests) == 3

    run_bounded(work())


@pytest.mark.parametrize("fails", [False, True])
def test_waiting_callers_share_one_request_and_its_outcome(fails, clock: Clock, entra: Entra):
    async def work() -> None:
        entra.fails = Problem("interaction_required") if fails else None
        entra.hang()
        tokens = tokens_of(entra, clock)
        callers = [asyncio.create_task(tokens.get(assertion_of("a"), SCOPE)) for _ in range(16)]
        callers[0].cancel()
        await settled()
        entra.proceed()
        outcomes = (await asyncio.gather(*callers, return_exceptions=True))[1:]
        assert len(entra.requests) == 1
        if fails:
            assert {str(outcome) for outcome in outcomes} == {"interaction_required"}
            assert len({id(outcome) for outcome in outcomes}) == 15
        else:
            assert outcomes == [f"assertion of a|{SCOPE}|1"] * 15

    run_bounded(work())


def test_token_of_a_timed_out_call_serves_the_next_one(clock: Clock, entra: Entra):
    async def work() -> None:
        entra.hang()
        tokens, user = tokens_of(entra, clock), assertion_of("a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await tokens.get(user, SCOPE)
        entra.proceed()
        assert (await tokens.get(user, SCOPE)).endswith("|1")

    run_bounded(work())


def test_hanging_request_ends_at_its_time_limit(clock: Clock, entra: Entra, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(on_behalf_of, "TIME_LIMIT", 0.05)

    async def work() -> None:
        entra.hang()
        tokens = tokens_of(entra, clock)
        names = [str(number) for number in range(2 * MAX_CONCURRENT_REQUESTS)]
        codes = await asyncio.gather(*(code_of(tokens.get(assertion_of(name), SCOPE)) for name in names))
        assert set(codes) == {"token_unavailable"}
        assert entra.pending == 0
        entra.proceed()
        assert await tokens.get(assertion_of("another"), SCOPE)

    run_bounded(work())


# Many users, with valid and forged assertions


def test_number_of_concurrent_requests_is_limited(clock: Clock, entra: Entra):
    async def work() -> None:
        entra.hang()
        tokens = tokens_of(entra, clock)
        names = [str(number) for number in range(100)]
        callers = [asyncio.create_task(tokens.get(assertion_of(name), SCOPE)) for name in names]
        await settled()
        assert entra.pending == MAX_CONCURRENT_REQUESTS
        entra.proceed()
        results = await asyncio.gather(*callers)
        assert [result.partition("|")[0] for result in results] == [f"assertion of {name}" for name in names]
        assert (len(entra.requests), entra.most_pending) == (100, MAX_CONCURRENT_REQUESTS)

    run_bounded(work())


def test_forged_assertions_evict_no_valid_token(clock: Clock, entra: Entra):
    async def work() -> None:
        tokens = tokens_of(entra, clock, max_entries=10)
        names = "abcdefghij"
        valid = [await tokens.get(assertion_of(name), SCOPE) for name in names]
        entra.fails = Problem("user_token_rejected")
        for number in range(100):
            assert await code_of(tokens.get(assertion_of(f"forger {number}"), SCOPE)) == "user_token_rejected"
        entra.requests.clear()
        assert [await tokens.get(assertion_of(name), SCOPE) for name in names] == valid
        assert entra.requests == []
        assert len(tokens._unproven) <= 10

    run_bounded(work())


STEPS = st.one_of(
    st.tuples(st.just("call"), st.sampled_from("abc"), st.sampled_from(["x/.default", "y/.default"])),
    st.tuples(st.just("cancel"), st.integers(0, 9), st.none()),
    st.tuples(st.just("succeed"), st.integers(0, 9), st.sampled_from([30, 90])),
    st.tuples(st.just("fail"), st.integers(0, 9), st.none()),
    st.tuples(st.just("advance"), st.sampled_from([20, 40]), st.none()),
)


@given(st.lists(STEPS, max_size=30), st.sampled_from([2, 100]))
def test_no_interleaving_returns_another_users_token(steps, max_entries):
    """Calls, cancellations, outcomes of token requests and clock changes in any order."""
    clock, numbers = Clock(START), itertools.count()
    valid_until: dict[str, float] = {}
    running: list[tuple[str, str]] = []

    async def work() -> None:
        waiting: list[asyncio.Future[float | None]] = []

        async def acquire_token(user: UserAssertion, scope: str, claims: str | None) -> AccessTokenInfo:
            # Only the eviction of an entry that is in use may lead to a second request.
            assert max_entries == 2 or (user.value, scope) not in running, "two requests for one user and scope"
            running.append((user.value, scope))
            outcome = asyncio.get_running_loop().create_future()
            waiting.append(outcome)
            try:
                lifetime = await outcome
            finally:
                running.remove((user.value, scope))
            if lifetime is None:
                raise Problem("interaction_required")
            token = f"{user.value}|{scope}|{next(numbers)}"
            valid_until[token] = clock() + lifetime
            return AccessTokenInfo(token, int(valid_until[token]))

        def end(index: int, lifetime: float | None) -> None:
            pending = [outcome for outcome in waiting if not outcome.done()]
            if pending:
                pending[index % len(pending)].set_result(lifetime)

        registration = SimpleNamespace(reject_early=lambda user: None, acquire_token_on_behalf_of=acquire_token)
        tokens = OnBehalfOfTokens(registration, max_entries=max_entries, clock=clock, monotonic=clock)
        calls: list[tuple[float, UserAssertion, str, asyncio.Task[str]]] = []
        for action, first, second in steps:
            if action == "call":
                user = assertion_of(first, seconds=100)
                calls.append((clock(), user, second, asyncio.create_task(tokens.get(user, second))))
            elif action == "cancel" and calls:
                calls[first % len(calls)][3].cancel()
            elif action == "advance":
                clock.advance(seconds=first)
            elif action in ("succeed", "fail"):
                end(first, second)
            await settled()
        while any(not outcome.done() for outcome in waiting):
            end(0, 30)
            await settled()
        outcomes = await asyncio.gather(*(call for *_, call in calls), return_exceptions=True)
        for (called_at, user, scope, _), outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, str):
                assert outcome.startswith(f"{user.value}|{scope}|")
                assert called_at < valid_until[outcome]
                assert called_at < user.expires_on
            else:
                assert isinstance(outcome, Problem | asyncio.CancelledError), outcome
                assert getattr(outcome, "code", "") in ("", "interaction_required", "user_token_expired")
        assert max(len(tokens._valid), len(tokens._unproven)) <= max_entries
        assert running == []

    run_bounded(work())


# Over real HTTP


def test_rejection_by_entra_is_cached(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = Clock(time.time())
    with (
        Scripted(lambda request: token_reply()) as endpoint,
        fake_entra(caller, tmp_path, monkeypatch, lambda request: REJECTED) as entra,
    ):
        caller.uses_endpoint(endpoint.origin)
        registration = AppRegistration.from_settings()
        tokens = caller.run(_created(lambda: OnBehalfOfTokens(registration, clock=clock, monotonic=clock)))
        user = forged_assertion()
        for _ in range(3):
            assert caller.problem_of(tokens.get(user, SCOPE)).code == "user_token_rejected"
        assert len(entra.requests) == 1
        clock.advance(seconds=SHARE_REJECTION_FOR)
        assert caller.problem_of(tokens.get(user, SCOPE)).code == "user_token_rejected"
        assert len(entra.requests) == 2


async def _created(create: Callable[[], OnBehalfOfTokens]) -> OnBehalfOfTokens:
    return create()


def test_forged_assertions_while_entra_hangs_do_not_delay_app_requests(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credentials, "ATTEMPT_TIMEOUT", TIME_LIMIT)  # no attempt ends during this test

    def identity(request: Request) -> Reply:
        return token_reply(mark=request.target)

    async def work() -> None:
        forged = [asyncio.create_task(on_behalf_of_tokens().get(forged_assertion(str(n)), SCOPE)) for n in range(100)]
        await until(lambda: len(entra.requests) == MAX_CONCURRENT_REQUESTS)
        start = time.monotonic()
        assert await AppIdentity().get_token(SCOPE)  # not cached before
        assert (await client.get()).status == 200
        assert time.monotonic() - start < TIME_LIMIT / 10
        assert not any(task.done() for task in forged)
        assert entra.connections == MAX_CONCURRENT_REQUESTS
        for task in forged:
            task.cancel()
        await asyncio.gather(*forged, return_exceptions=True)

    with (
        Scripted(identity) as endpoint,
        Scripted(lambda request: as_json(200, {})) as api,
        fake_entra(caller, tmp_path, monkeypatch, lambda request: HANG) as entra,
    ):
        caller.uses_endpoint(endpoint.origin)
        client = caller.api(api.origin)
        caller.run(work())
        caller.restart()
    assert len(endpoint.requests) == 2  # one for the exchange, one for the API


def test_100_forged_assertions_cause_one_request_each_and_a_valid_user_gets_a_token(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    valid = forged_assertion("valid")

    async def work() -> None:
        forged = [forged_assertion(f"{n}") for n in range(100)]
        for _ in range(3):
            codes = await asyncio.gather(*(code_of(on_behalf_of_tokens().get(user, SCOPE)) for user in forged))
            assert set(codes) == {"user_token_rejected"}
        assert len(entra.requests) == 100
        entra.answer = lambda request: token_response()
        assert await on_behalf_of_tokens().get(valid, SCOPE)

    with (
        Scripted(lambda request: token_reply()) as endpoint,
        fake_entra(caller, tmp_path, monkeypatch, lambda request: REJECTED) as entra,
    ):
        caller.uses_endpoint(endpoint.origin)
        caller.run(work())
    assert len(endpoint.requests) == 1


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([users.DEVELOPER, users.VISITOR, users.GUARDED]), min_size=2, max_size=10))
def test_concurrent_users_get_their_own_tokens(
    caller: Caller, local_azure_server: LocalAzure, local_azure: LocalTenant, names: list[str]
):
    caller.restart()
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    before = local_azure.requests["token"]
    user_tokens = {name: local_azure.token("msi-func-api", user=name, claims=users.MFA) for name in names}
    assertions = {name: UserAssertion.from_header(f"Bearer {token}") for name, token in user_tokens.items()}

    async def calls() -> list[str]:
        return await asyncio.gather(*(on_behalf_of_tokens().get(assertions[name], SCOPE) for name in names))

    for name, token in zip(names, caller.run(calls()), strict=True):
        assert verified(local_azure_server, token)["oid"] == local_azure_server.directory.user(name).object_id
    assert local_azure.requests["token"] - before == len(user_tokens)


def test_missing_settings_are_read_again_on_the_next_call(caller: Caller, local_azure: LocalTenant):
    async def tokens() -> OnBehalfOfTokens:
        return on_behalf_of_tokens()

    assert caller.problem_of(tokens()).code == "misconfigured"
    local_azure.environment()
    caller.set(users.ON_BEHALF_OF)
    assert caller.run(tokens())
