"""Run `python -m local_azure` in subprocesses."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.apps import APP, clean_environment

SECONDS = 30  # time limit of a command


def local_azure(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "local_azure", *map(str, arguments)]


def start(*arguments: object, **options) -> "subprocess.Popen[str]":
    """Start a command with pipes, in the repository's folder and with a clean environment."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with clean_environment():
        return subprocess.Popen(local_azure(*arguments), cwd=APP, text=True, **{**pipes, **options})


def call(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of local_azure to completion and return its CompletedProcess."""
    return run(local_azure(*arguments), **environment)


def run(command: list[str], *, cwd: Path = APP, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run any command to completion, without input, and return its CompletedProcess."""
    with clean_environment():
        return subprocess.run(
            command,
            cwd=cwd,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )


# The demo's last line of output before it waits for input.
LAST_LINE = "Enter a number, or r to restart msi-func. Press Ctrl+C to stop everything.\n"


def read_until(process: "subprocess.Popen[str]", last: str) -> str:
    """Return the output of the process before the line `last`."""
    lines: list[str] = []
    for line in process.stdout:
        if line == last:
            return "".join(lines)
        lines.append(line)
    raise AssertionError("the process exited after printing " + "".join(lines))


@dataclass(frozen=True)
class Served:
    """A process that runs `serve`, and the settings that it printed."""

    process: "subprocess.Popen[str]"
    settings: dict[str, str]

    @property
    def url(self) -> str:
        return self.settings["LOCAL_AZURE_URL"]


@contextlib.contextmanager
def serving(state: Path, *arguments: object) -> Iterator[Served]:
    process = start("serve", "--port", 0, "--state", state, "--format", "json", *arguments)
    try:
        lines = [process.stdout.readline()]
        while lines[-1] not in ("}\n", ""):
            lines.append(process.stdout.readline())
        yield Served(process, json.loads("".join(lines))["Values"])
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=SECONDS)
