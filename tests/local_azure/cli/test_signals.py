"""Signals raise ShutdownRequested, so that `with` blocks clean up."""

import contextlib
import os
import signal
import threading

import pytest

from local_azure.cli.signals import ShutdownRequested, handle_signals, signal_numbers, wait_for_shutdown

NUMBERS = signal_numbers("SIGINT", "SIGTERM", "SIGHUP")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: signal.Signals(number).name)
def test_signal_is_raised_after_blocks_have_cleaned_up(number: int):
    steps = []
    with pytest.raises(ShutdownRequested) as caught, handle_signals():
        try:
            with contextlib.suppress(Exception):  # code that handles errors must not catch the signal
                signal.raise_signal(number)
                steps.append("continued")
        finally:
            steps.append("cleaned up")
    assert (caught.value.number, steps) == (number, ["cleaned up"])


def test_handlers_are_restored():
    before = [signal.getsignal(number) for number in NUMBERS]
    with handle_signals():
        assert all(signal.getsignal(number) not in before for number in NUMBERS)
    assert [signal.getsignal(number) for number in NUMBERS] == before
    with pytest.raises(ShutdownRequested), handle_signals():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_signal_ends_the_wait():
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    with pytest.raises(ShutdownRequested), handle_signals():
        timer.start()
        wait_for_shutdown()
    timer.join()


def test_signals_that_the_operating_system_lacks_are_omitted():
    assert signal_numbers("SIGTERM", "SIGNOSUCH", "SIGINT") == [signal.SIGTERM, signal.SIGINT]
