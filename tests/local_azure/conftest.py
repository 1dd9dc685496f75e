"""Fixtures for tests of local_azure."""

from pathlib import Path

import pytest

from tests.support.installed import installed

__all__ = ["installed"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state folder for tenants that tests start. Tests share it, because generating keys is slow."""
    return tmp_path_factory.mktemp("state")
