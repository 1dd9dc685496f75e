"""Fixtures: the tools' event loop in this process, a stage for faults, and restored log levels."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.tools.stage import Stage
from tools import http


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch, few_roots: str) -> Iterator[Callable[[Any], Any]]:
    """Return a function that runs a coroutine on the tools' event loop."""
    with apps.clean_environment():
        monkeypatch.setenv("SSL_CERT_FILE", few_roots)
        yield http.run
        http.close()
        monkeypatch.undo()


@pytest.fixture
def stage(local_azure_server: LocalAzure, local_azure: LocalTenant, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose servers and hosts are stopped after the test."""
    new = Stage(local_azure_server, local_azure, tmp_path)
    with new.stack:
        yield new


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Restore the log levels that a tool sets for its whole process."""
    levels = {logger: logger.level for logger in map(logging.getLogger, ("azure", "msal", "msi_func", "aad_func"))}
    yield
    for logger, level in levels.items():
        logger.setLevel(level)
