"""Hosts of msi-func that modules share, because starting a host takes longer than most tests."""

from collections.abc import Iterator

import pytest

from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.apps import Host
from tests.support.scripted import Scripted, as_json


@pytest.fixture(scope="session")
def no_role(local_azure_server: LocalAzure, aad_host: Host) -> Iterator[Host]:
    """msi-func with a managed identity that does not have the role."""
    with apps.running(
        apps.msi_settings(local_azure_server, aad_host.url("aad-func"), site="msi-func/slots/staging")
    ) as host:
        yield host


@pytest.fixture(scope="session")
def scripted_api(local_azure_server: LocalAzure) -> Iterator[tuple[Host, Scripted]]:
    """msi-func, and a scripted server that it calls instead of aad-func. Each test sets the server's response."""
    with (
        Scripted(lambda request: as_json(200, {})) as api,
        apps.running(apps.msi_settings(local_azure_server, api.origin)) as host,
    ):
        yield host, api
