"""Fixtures for tests of local_azure."""

from pathlib import Path

import pytest

from tests.support.installed import installed

__all__ = ["installed"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of tenants that tests start, so that their keys are generated only once."""
    return tmp_path_factory.mktemp("state")
