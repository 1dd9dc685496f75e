"""Run the demo in a subprocess, and run the commands that the demo prints."""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import commands
from tests.support.apps import APP
from tests.support.commands import LAST_LINE, read_until, start

needs_shell = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)


@dataclass(frozen=True)
class Demo:
    """A running demo, and its output before it waits for input."""

    process: "subprocess.Popen[str]"
    printed: str

    def enter(self, choice: str) -> str:
        """Return the output for a choice."""
        self.process.stdin.write(f"{choice}\n")
        self.process.stdin.flush()
        return read_until(self.process, "\n")

    def commands(self, choice: str) -> list[str]:
        """Return the commands that are printed for a choice."""
        return re.findall(r"^  (\S.*)$", self.enter(choice), re.MULTILINE)


@contextlib.contextmanager
def running(state: Path, *arguments: object) -> Iterator["Demo"]:
    """Run the demo and yield it when it waits for input."""
    process = start("demo", "--port", 0, "--state", state, *arguments, stderr=subprocess.DEVNULL)
    try:
        yield Demo(process, read_until(process, LAST_LINE))
    finally:
        process.terminate()
        process.communicate(timeout=commands.SECONDS)


def bash(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], cwd=APP, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.replace("\r\n", "\n")


def status(response: str) -> int:
    """Return the status of aad-func's response. `response` is msi-func's response, as curl prints it."""
    return json.loads(response.partition("\n\n")[2]).get("downstream", {}).get("status", 200)
