"""A tool of tools/, run as a person runs it."""

import contextlib
import importlib
import io
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch

from tests.support import apps


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    def state(self, check: str) -> str:
        """What a line of verdict says of this check: ok, failed or not checked."""
        for line in map(str.strip, self.out.splitlines()):
            for state in ("ok", "failed", "not checked"):
                if line.removeprefix(state).split()[:1] == check.split()[:1] and line.startswith(state):
                    return state
        raise AssertionError(f"no line about {check} in\n{self.out}\n{self.err}")


def run(tool: str, *arguments: str, settings: dict[str, str] | None = None, stdin: str = "") -> Ended:
    """Run it with these settings and no others, in an empty folder; in this process, as starting one takes a while."""
    main = importlib.import_module(f"tools.{tool}").main
    out, err = io.StringIO(), io.StringIO()
    with (
        _alone(settings or {}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "stdin", io.StringIO(stdin)),
    ):
        try:
            code = main(list(arguments))
        except SystemExit as ended:  # argparse
            code = ended.code
    return Ended(code, out.getvalue(), err.getvalue())


def run_process(tool: str, *arguments: str, settings: dict[str, str] | None = None) -> Ended:
    """The same in a process of its own."""
    with _alone({**(settings or {}), "PYTHONPATH": str(apps.APP)}):
        command = [sys.executable, "-m", f"tools.{tool}", *arguments]
        ended = subprocess.run(command, input="", capture_output=True, text=True, timeout=120, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextlib.contextmanager
def _alone(settings: dict[str, str]) -> Iterator[None]:
    """These settings and no others, an empty folder, and no token from before."""
    with (
        apps.clean_environment(),
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patch.dict(os.environ, settings),
    ):
        levels = {logger: logger.level for logger in map(logging.getLogger, ("azure", "msal", "msi_func", "aad_func"))}
        try:
            yield
        finally:
            for logger, level in levels.items():
                logger.setLevel(level)
