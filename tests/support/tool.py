"""Run a tool of tools/ with given arguments, settings and input."""

import contextlib
import importlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch

from common.remediations import VALIDATION_STEPS
from tests.support import apps


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str
    seconds: float = 0

    def state(self, check: str) -> str:
        """Return ok, failed or skipped: the state of a check, given its name or a problem code."""
        name = next((name for name, codes in VALIDATION_STEPS if check in codes), check)
        for line in self.out.splitlines():
            state, _, rest = line.partition(" ")
            if state in ("ok", "failed", "skipped") and rest.strip().startswith(name):
                return state
        raise AssertionError(f"no line about {check} in\n{self.out}\n{self.err}")

    @property
    def verdict(self) -> str:
        """The verdict that the tool printed."""
        return self._after("Verdict: ")

    @property
    def step(self) -> str:
        """The command or step that the tool recommends."""
        return self._after("Do: ")

    def _after(self, label: str) -> str:
        found = [line.removeprefix(label).strip() for line in self.out.splitlines() if line.startswith(label)]
        assert len(found) == 1, f"{label} in\n{self.out}\n{self.err}"
        return found[0]


def run(tool: str, *arguments: str, settings: dict[str, str] | None = None, stdin: str = "") -> Ended:
    """Run a tool in this process, which is faster, with only these settings and in an empty folder."""
    main = importlib.import_module(f"tools.{tool}").main
    out, err = io.StringIO(), io.StringIO()
    with (
        _alone(settings or {}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "stdin", io.StringIO(stdin)),
    ):
        started = time.monotonic()
        try:
            code = main(list(arguments))
        except SystemExit as ended:  # argparse
            code = ended.code
        seconds = time.monotonic() - started
    return Ended(code, out.getvalue(), err.getvalue(), round(seconds, 1))


def run_process(tool: str, *arguments: str, settings: dict[str, str] | None = None) -> Ended:
    """Run a tool in a subprocess."""
    with _alone({**(settings or {}), "PYTHONPATH": str(apps.APP)}):
        command = [sys.executable, "-m", f"tools.{tool}", *arguments]
        ended = subprocess.run(command, input="", capture_output=True, text=True, timeout=120, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextlib.contextmanager
def _alone(settings: dict[str, str]) -> Iterator[None]:
    """Set only these settings and change to an empty folder."""
    with (
        apps.clean_environment(),
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patch.dict(os.environ, settings),
    ):
        yield
