"""Run scripts with the fake az."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import APP, clean_environment
from tests.support.fake_az import serving as fake_az_server

SECONDS = 600  # time limit of a script; with REAL_AZ each command takes seconds


@pytest.fixture(scope="session")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The executable of the fake az."""
    path = tmp_path_factory.mktemp("az") / "az"
    with fake_az_server(path):
        yield path


@pytest.fixture
def fake_az(az: Path, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which `az` is the fake az, with its state in the file `FAKE_AZ_STATE`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "az").symlink_to(az)
    # This Python starts faster than the script of a version manager.
    (folder / "python3").symlink_to(sys.executable)
    with clean_environment():
        return {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "FAKE_AZ_STATE": str(tmp_path / "state.json"),
            "RETRY_SECONDS": "0",
            "STORAGE_ROLE_SECONDS": "60",
        }


class Run:
    """A function that runs a script and returns its exit code, its output and the state of the fake az."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment, self.state, self.errors = environment, Path(environment["FAKE_AZ_STATE"]), ""

    def __call__(self, script: str, *arguments: str, fail: str = "", **more: str) -> tuple[int, str, dict[str, Any]]:
        done = subprocess.run(
            ["bash", str(APP / "scripts" / script), *arguments],
            env={**self.environment, "FAIL": fail, **more},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.errors = done.stderr
        return done.returncode, done.stdout, json.loads(self.state.read_text()) if self.state.exists() else {}


@pytest.fixture
def run(fake_az: dict[str, str]) -> Run:
    return Run(fake_az)
