"""The entry point: parses arguments, runs the command, and turns errors into messages and exit codes."""

import argparse
import contextlib
import importlib
import os
import sys
from typing import Any, NoReturn

from local_azure.cli.arguments import parse
from local_azure.cli.signals import ShutdownRequested, handle_signals
from local_azure.serving.errors import StartError
from local_azure.tenant.json_reader import TenantFileError


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 1 if it could not start or the demo's request failed.

    If `run` cannot start its command, the exit code is a shell's: 127 if it does not exist, otherwise 126.

    A signal results in 128 plus its number, or in 0 for a command that runs until it is stopped.
    """
    options = parse(arguments)
    try:
        with handle_signals():
            code: int = _import_command(options.module).run(options)
            return code
    except (StartError, TenantFileError) as error:
        print(f"local_azure: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, StartError) else 1
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


def _import_command(module: str) -> Any:
    # Only now, because `host` and `control` start faster without the tenant's libraries.
    try:
        return importlib.import_module(f"local_azure.cli.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "azure":
            raise
        raise StartError("The Functions host needs the library azure-functions: pip install azure-functions.") from None


def _runs_until_stopped(options: argparse.Namespace) -> bool:
    return options.module in ("serve", "host", "easy_auth") or (options.module == "demo" and not options.once)
