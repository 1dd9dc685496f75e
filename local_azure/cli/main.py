"""The entry point: parses arguments, runs the command, and turns errors into messages and exit codes."""

import argparse
import contextlib
import importlib
import os
import sys
from typing import NoReturn

from local_azure.cli.arguments import parse
from local_azure.cli.signals import ShutdownRequested, handle_signals
from local_azure.serving.errors import StartError
from local_azure.tenant.json_reader import TenantFileError


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 1 if it could not start or the demo's request failed.

    A signal results in 128 plus its number, or in 0 for a command that runs until it is stopped.
    """
    options = parse(arguments)
    # The module is imported only now, because `host` and `control` start faster without the tenant's libraries.
    command = importlib.import_module(f"local_azure.cli.{options.module}")
    try:
        with handle_signals():
            code: int = command.run(options)
            return code
    except (StartError, TenantFileError) as error:
        print(f"local_azure: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has closed it
        return 141  # as in a shell: 128 plus SIGPIPE
    except ShutdownRequested as request:
        return 0 if _runs_until_stopped(options) else 128 + request.number


def main_and_exit() -> NoReturn:
    """Run a command and end the process, even while a function still runs in the host's thread pool."""
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it is closed
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


def _runs_until_stopped(options: argparse.Namespace) -> bool:
    return options.module in ("serve", "host", "easy_auth") or (options.module == "demo" and not options.once)
