"""How a command ends: with its exit code, by a signal with its processes stopped, or with one sentence."""

import sys
from collections.abc import Callable
from typing import NoReturn

from bench.load_runner import MeasurementError
from local_azure.cli.signals import ShutdownRequested, handle_signals
from local_azure.serving.errors import StartError


def run(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with the code that it returns."""
    try:
        with handle_signals():
            sys.exit(main())
    except (MeasurementError, StartError) as error:
        sys.exit(f"The measurement failed: {error}")
    except ShutdownRequested as stopped:
        sys.exit(128 + stopped.number)
