"""What tests of local_azure need beside the running tenant."""

from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from tests.support.forge import Forge
from tests.support.installed import installed

__all__ = ["installed"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of tenants that tests start, so that their keys are generated only once."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def forge(local_azure_server: LocalAzure) -> Forge:
    """Signs tokens with the key of the shared tenant."""
    return Forge(local_azure_server)
