"""The clock of the token cache."""

from types import SimpleNamespace

import pytest

from local_azure.serving import clock
from local_azure.serving.clock import Clock


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Freeze this machine's time."""
    time = SimpleNamespace(now=1_700_000_000.0, time=lambda: time.now)
    monkeypatch.setattr(clock, "time", time)
    return time


def test_clock_is_the_machines_clock_plus_all_advances(machine: SimpleNamespace):
    one = Clock()
    assert one() == 1_700_000_000
    one.advance(86_400)
    one.advance(3600)
    assert one() == 1_700_090_000
    machine.now += 10
    assert one() == 1_700_090_010


def test_reset_clock_equals_the_machines_clock():
    one = Clock()
    one.advance(86_400)
    one.reset()
    assert one() == 1_700_000_000


def test_each_clock_is_advanced_separately():
    one, other = Clock(), Clock()
    one.advance(86_400)
    assert (one(), other()) == (1_700_086_400, 1_700_000_000)
