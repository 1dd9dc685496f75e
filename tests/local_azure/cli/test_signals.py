"""Signals raise ShutdownRequested, so that `with` blocks clean up."""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from local_azure.cli.signals import ShutdownRequested, handle_signals, signal_numbers, wait_for_shutdown
from local_azure.cloud import LocalAzure
from tests.support.apps import APP
from tests.support.commands import run

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


# Sends SIGTERM to the process as soon as an event loop is created.
EARLY_SIGNAL = """
import os, selectors, signal, sys
from local_azure.cli.main import main_and_exit

create = selectors.DefaultSelector

def interrupted():
    os.kill(os.getpid(), signal.SIGTERM)
    return create()

selectors.DefaultSelector = interrupted
main_and_exit()
"""
SERVERS = {
    "host": ["host", "."],
    "easy-auth": ["easy-auth", "--api", "aad-func", "--to", "http://127.0.0.1:1"],
}


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("name", SERVERS)
def test_signal_while_the_event_loop_is_created_causes_no_traceback(
    name: str, local_azure_server: LocalAzure, tmp_path: Path
):
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text("import azure.functions as func; app = func.FunctionApp()")
    command = [sys.executable, "-c", EARLY_SIGNAL, *SERVERS[name], "--port", "0"]
    done = run(command, cwd=tmp_path, PYTHONPATH=str(APP), LOCAL_AZURE_URL=local_azure_server.origin)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
