"""What is kept of users: each their own, never longer than the token that it was given for, within bounds."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from azure.core.credentials import AccessTokenInfo
from msi_func.user_token import UserToken

from common.problems import Problem
from msi_func.on_behalf_of import UserTokens
from tests.support.caller import SCOPE
from tests.support.clock import Clock

START = 1_000_000.0
SECONDS = 30


def token_of(name: str, *, good_for: float = 3600) -> UserToken:
    return UserToken(f"assertion of {name}", name.encode(), START + good_for)


@dataclass
class Entra:
    """Exchanges whenever it is let; each token says whose it is, for which scope, and which one."""

    clock: Clock
    lifetime: float = 3600
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False

    def __call__(self, user: UserToken, scope: str, seconds: float) -> AccessTokenInfo:
        self.asked.append((user.value, scope))
        if self.fails:
            raise Problem("interaction_required")
        return AccessTokenInfo(f"{user.value}|{scope}|{len(self.asked)}", int(self.clock() + self.lifetime))


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def entra(clock: Clock) -> Entra:
    return Entra(clock)


def code_of(call) -> str:
    with pytest.raises(Problem) as raised:
        call()
    return raised.value.code


def test_a_token_is_kept_per_user_and_scope(clock: Clock, entra: Entra):
    kept = UserTokens(entra, clock=clock)
    asked = [(token_of(name), scope) for name in "ab" for scope in ("x/.default", "y/.default")]
    first = [kept.get(user, scope, SECONDS) for user, scope in asked]
    assert [token.rpartition("|")[0] for token in first] == [f"{user.value}|{scope}" for user, scope in asked]
    assert [kept.get(user, scope, SECONDS) for user, scope in asked] == first
    assert len(entra.asked) == len(asked)


@pytest.mark.parametrize(("token", "users_own", "expected"), [(60, 3600, 2), (3600, 60, "user_token_expired")])
def test_it_is_gone_when_it_or_the_users_own_expires(token, users_own, expected, clock: Clock, entra: Entra):
    entra.lifetime = token
    kept, user = UserTokens(entra, clock=clock), token_of("a", good_for=users_own)
    kept.get(user, SCOPE, SECONDS)
    clock.pass_(seconds=59)
    kept.get(user, SCOPE, SECONDS)
    assert len(entra.asked) == 1
    clock.pass_(seconds=1)
    if expected == 2:
        kept.get(user, SCOPE, SECONDS)
        assert len(entra.asked) == 2
    else:
        assert code_of(lambda: kept.get(user, SCOPE, SECONDS)) == expected
        assert len(entra.asked) == 1


def test_the_memory_is_bounded_and_what_was_used_least_recently_goes_first(clock: Clock, entra: Entra):
    kept = UserTokens(entra, most=3, clock=clock)
    for name in "abcad":
        kept.get(token_of(name), SCOPE, SECONDS)
    entra.asked.clear()
    for name in "acdb":
        kept.get(token_of(name), SCOPE, SECONDS)
    assert entra.asked == [("assertion of b", SCOPE)]
    assert len(kept._kept) == 3


def test_nothing_expired_stays_and_no_users_own_token_is_ever_kept(clock: Clock, entra: Entra):
    kept = UserTokens(entra, clock=clock)
    for name in "abc":
        kept.get(token_of(name, good_for=60), SCOPE, SECONDS)
    clock.pass_(seconds=60)
    kept.get(token_of("d"), SCOPE, SECONDS)
    assert list(kept._kept) == [(b"d", SCOPE)]
    assert kept._running == {}
    assert "assertion" not in repr(token_of("a")) + repr(kept._kept)


def test_a_failure_is_not_kept(clock: Clock, entra: Entra):
    kept, user = UserTokens(entra, clock=clock), token_of("a")
    entra.fails = True
    assert code_of(lambda: kept.get(user, SCOPE, SECONDS)) == "interaction_required"
    entra.fails = False
    assert kept.get(user, SCOPE, SECONDS).startswith(user.value)


@pytest.mark.parametrize("fails", [False, True])
def test_all_who_wait_share_one_exchange_and_its_outcome(fails, clock: Clock):
    started, allowed, asked = threading.Event(), threading.Event(), []

    def exchange(user: UserToken, scope: str, seconds: float) -> AccessTokenInfo:
        asked.append(user)
        started.set()
        allowed.wait(SECONDS)
        if fails:
            raise Problem("interaction_required")
        return AccessTokenInfo("token", int(START) + 60)

    kept, user = UserTokens(exchange, clock=clock), token_of("a")
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(kept.get, user, SCOPE, SECONDS) for _ in range(16)]
        assert started.wait(SECONDS)
        late = pool.submit(kept.get, token_of("b"), SCOPE, 0.01)  # somebody else's exchange is not in the way
        allowed.set()
        failures = [call.exception(SECONDS) for call in calls]
        late.exception(SECONDS)
    # Who came after the failure asked anew; nobody shares an exception object, which would gather tracebacks.
    if fails:
        assert {failure.code for failure in failures} == {"interaction_required"}
        assert len({id(failure) for failure in failures}) == 16
    else:
        assert [call.result() for call in calls] == ["token"] * 16
        assert len(asked) == 2


def test_who_waits_too_long_is_told_and_the_token_is_there_for_the_next(clock: Clock, entra: Entra):
    allowed = threading.Event()

    def slow(user: UserToken, scope: str, seconds: float) -> AccessTokenInfo:
        allowed.wait(SECONDS)
        return entra(user, scope, seconds)

    kept, user = UserTokens(slow, clock=clock), token_of("a")
    assert code_of(lambda: kept.get(user, SCOPE, 0.01)) == "token_unavailable"
    allowed.set()
    assert kept.get(user, SCOPE, SECONDS).endswith("|1")


def test_a_system_without_threads_is_told_and_recovers(clock: Clock, entra: Entra, monkeypatch: pytest.MonkeyPatch):
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    kept, user = UserTokens(entra, clock=clock), token_of("a")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert code_of(lambda: kept.get(user, SCOPE, SECONDS)) == "token_unavailable"
    assert kept.get(user, SCOPE, SECONDS).startswith(user.value)
