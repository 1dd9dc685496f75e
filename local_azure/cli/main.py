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
    """Run a command of local_azure and return the exit code.

    The exit code is 1 if the command fails. `run` returns its program's exit code, 127 if the program does not exist,
    or 126 if the program cannot start for another reason. After a signal, the exit code is 0 for commands that run
    until they are stopped, and 128 plus the signal's number for other commands.
    """
    options = parse(arguments)
    try:
        with handle_signals():
            code: int = _import_command(options.module).run(options)
            return code
    except (StartError, TenantFileError) as error:
        print(f"local_azure: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, StartError) else 1
    except BrokenPipeError:  # the program that reads the output has ended
        return 141  # 128 plus SIGPIPE, as in a shell
    except ShutdownRequested as request:
        return 0 if _runs_until_stopped(options) else 128 + request.number


def main_and_exit() -> NoReturn:
    """Run a command and exit without waiting for functions that still run in the host's thread pool."""
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a closed stream is None
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


def _import_command(module: str) -> Any:
    # Importing only the requested command saves startup time: `host` and `control` do not need the tenant's libraries.
    try:
        return importlib.import_module(f"local_azure.cli.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "azure":
            raise
        raise StartError(
            "The Functions host requires the azure-functions package. Run pip install azure-functions."
        ) from None


def _runs_until_stopped(options: argparse.Namespace) -> bool:
    return options.module in ("serve", "host", "easy_auth") or (options.module == "demo" and not options.once)
