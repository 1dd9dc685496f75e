"""The tools' event loop in this process, and a stage for faults."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.tools.stage import Stage
from tools import http


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch, few_roots: str) -> Iterator[Callable[[Any], Any]]:
    """Runs a coroutine on the tools' event loop."""
    with apps.clean_environment():
        monkeypatch.setenv("SSL_CERT_FILE", few_roots)
        yield http.run
        http.close()
        monkeypatch.undo()


@pytest.fixture
def stage(local_azure_server: LocalAzure, tmp_path: Path, state: Path) -> Iterator[Stage]:
    """What a fault is produced with."""
    new = Stage(local_azure_server, tmp_path, state)
    with new.stack:
        yield new
