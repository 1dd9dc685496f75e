"""Users at the same time, in any order: each gets their own, or nothing."""

import itertools
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from azure.core.credentials import AccessTokenInfo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msi_func.exchange import Registration
from msi_func.user_token import UserToken, user_token

from common.problems import Problem
from local_azure.cloud import LocalAzure
from msi_func.on_behalf_of import UserTokens
from tests.support import users
from tests.support.caller import SCOPE, Caller, caller
from tests.support.clients import verified
from tests.support.clock import Clock

__all__ = ["caller"]

START = 1_000_000.0
SECONDS = 30

STEPS = st.one_of(
    st.tuples(st.just("call"), st.sampled_from("abc"), st.sampled_from(["x/.default", "y/.default"])),
    st.tuples(st.just("succeed"), st.integers(0, 9), st.sampled_from([30, 90])),
    st.tuples(st.just("fail"), st.integers(0, 9), st.none()),
    st.tuples(st.just("pass"), st.sampled_from([20, 40]), st.none()),
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_the_order_each_gets_their_own_or_nothing(steps):
    """Calls, ends of exchanges and time in any order: the threads make the rest of the interleavings."""
    clock, numbers, lock = Clock(START), itertools.count(), threading.Lock()
    waiting: list[tuple[Future[float | None], str]] = []
    running: list[tuple[str, str]] = []
    good_until: dict[str, float] = {}
    ending = threading.Event()

    def exchange(user: UserToken, scope: str, seconds: float) -> AccessTokenInfo:
        with lock:
            assert (user.value, scope) not in running, "two exchanges for one user and scope"
            running.append((user.value, scope))
            outcome: Future[float | None] = Future()
            waiting.append((outcome, scope))
            if ending.is_set():
                outcome.set_result(30)
        lifetime = outcome.result(SECONDS)
        with lock:
            running.remove((user.value, scope))
        if lifetime is None:
            raise Problem("interaction_required")
        token = f"{user.value}|{scope}|{next(numbers)}"
        good_until[token] = clock() + lifetime
        return AccessTokenInfo(token, int(good_until[token]))

    def end(which: int, lifetime: float | None) -> None:
        with lock:
            open_ = [outcome for outcome, _ in waiting if not outcome.done()]
            if open_:
                open_[which % len(open_)].set_result(lifetime)

    kept = UserTokens(exchange, most=2, clock=clock)
    calls = []
    with ThreadPoolExecutor(32) as pool:
        for what, first, second in steps:
            if what == "call":
                user = UserToken(f"assertion of {first}", first.encode(), START + 100)
                calls.append((clock(), user, second, pool.submit(kept.get, user, second, SECONDS)))
            elif what == "pass":
                clock.pass_(seconds=first)
            else:
                end(first, second)
        with lock:
            ending.set()
        for _ in range(len(waiting) + 1):
            end(0, 30)
        for asked_at, user, scope, call in calls:
            failure = call.exception(SECONDS)
            assert failure is None or failure.code in ("interaction_required", "user_token_expired"), failure
            if failure is None:
                token = call.result()
                assert token.startswith(f"{user.value}|{scope}|")
                assert asked_at < good_until[token]
                assert asked_at < user.expires_on
    assert len(kept._kept) <= 2
    assert kept._running == {}


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([users.DEVELOPER, users.VISITOR, users.GUARDED]), min_size=2, max_size=10))
def test_with_the_real_credential_nobody_gets_anybody_elses_token(caller: Caller, azure: LocalAzure, names: list[str]):
    caller.is_site(azure)
    caller.set(users.on_behalf_of_settings(azure))
    before = azure.traffic.counters["token"]
    kept = UserTokens(Registration.from_settings().exchange)
    own = {name: user_token(f"Bearer {users.user_token(azure, name, mfa=True)}") for name in names}
    with ThreadPoolExecutor(len(names)) as pool:
        tokens = list(pool.map(lambda name: kept.get(own[name], SCOPE, SECONDS), names))
    for name, token in zip(names, tokens, strict=True):
        assert verified(azure, token)["oid"] == azure.directory.user(name).object_id
    assert azure.traffic.counters["token"] - before == len(own)
