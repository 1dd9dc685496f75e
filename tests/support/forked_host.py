"""Functions hosts in processes that are forked from one that has already imported the libraries.

Importing the libraries takes most of a host's startup time. Each host imports the function app itself.
"""

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from local_azure.cli.main import main_and_exit
from local_azure.functions_host.process import START_TIMEOUT, STOP_TIMEOUT
from tests.support.tenant_requests import is_listening

ROOT = Path(__file__).parents[2]
LIBRARIES = ["aiohttp", "azure.identity.aio", "jwt", "local_azure.cli.host", "requests"]


@contextlib.contextmanager
def forked_host(
    folder: str, port: int, settings: Mapping[str, str], output: str, options: Sequence[str] = ()
) -> Iterator[BaseProcess]:
    """Run a host as local_azure.functions_host.process.host does. The file `output` receives the host's output."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, *LIBRARIES])
    command = ["local_azure", "host", folder, "--port", str(port), "--name", "", "--child", *options]
    child_input, parent_end = context.Pipe(duplex=False)
    with child_input, parent_end:
        child = context.Process(target=_run, args=(command, {**os.environ, **settings}, output, child_input))
        child.start()
        try:
            end = time.monotonic() + START_TIMEOUT
            while not is_listening(port):
                assert child.is_alive(), f"the host exited with code {child.exitcode}"
                assert time.monotonic() < end, "the host did not start"
                time.sleep(0.01)
            yield child
        finally:
            child.terminate()
            child.join(STOP_TIMEOUT)
            child.kill()
            child.join()
            child.close()


def _run(command: list[str], environment: dict[str, str], output: str, child_input: Connection) -> None:
    """Run the command in this process, with the command's environment, arguments and streams."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.dup2(child_input.fileno(), 0)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    sys.argv = command
    main_and_exit()
