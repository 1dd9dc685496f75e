"""Run a benchmark command, and exit with an exit code or an error message."""

import sys
from collections.abc import Callable
from typing import NoReturn

from bench.load_runner import MeasurementError
from local_azure.cli.signals import ShutdownRequested, handle_signals
from local_azure.serving.errors import StartError


def run(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with the returned code. A signal stops all started processes first."""
    try:
        with handle_signals():
            sys.exit(main())
    except (MeasurementError, StartError) as error:
        sys.exit(f"The measurement failed: {error}")
    except ShutdownRequested as stopped:
        sys.exit(128 + stopped.number)
