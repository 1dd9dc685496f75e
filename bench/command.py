"""How a command ends: by its exit code, by a signal with its processes ended, or with one sentence."""

import sys
from collections.abc import Callable
from typing import NoReturn

from bench.calling import Failed
from local_azure.processes import Stopped, stoppable
from local_azure.server import StartError


def run(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with what it returns."""
    try:
        with stoppable():
            sys.exit(main())
    except (Failed, StartError) as error:
        sys.exit(f"Nothing is measured: {error}")
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
