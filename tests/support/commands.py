"""`python -m local_azure` in processes of its own."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.apps import APP, clean_environment

SECONDS = 30


def local_azure(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "local_azure", *map(str, arguments)]


def start(*arguments: object, **options) -> "subprocess.Popen[str]":
    """The command, in the folder where it finds the package, with pipes and an environment that says nothing."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with clean_environment():
        return subprocess.Popen(local_azure(*arguments), cwd=APP, text=True, **{**pipes, **options})


def call(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command until it ends."""
    with clean_environment():
        return subprocess.run(
            local_azure(*arguments),
            cwd=APP,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )


# Of the demo, before it waits for input.
LAST_LINE = "Enter a number, or r to restart msi-func. Press Ctrl+C to stop everything.\n"


def read_until(process: "subprocess.Popen[str]", last: str) -> str:
    """Return what the process prints before the line `last`."""
    lines: list[str] = []
    for line in process.stdout:
        if line == last:
            return "".join(lines)
        lines.append(line)
    raise AssertionError("the process ended after " + "".join(lines))


@dataclass(frozen=True)
class Served:
    """A tenant that `serve` runs, and the settings that it printed."""

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
