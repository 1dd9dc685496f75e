"""An app behind Easy Auth."""

from collections.abc import Iterator

import pytest

from local_azure.cloud import LocalAzure
from tests.support.easy_auth_proxy import easy_auth, echoing_app


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    with echoing_app() as origin:
        yield origin


@pytest.fixture(scope="module")
def front(local_azure_server: LocalAzure, app: str) -> Iterator[str]:
    with easy_auth(local_azure_server, app) as origin:
        yield origin
