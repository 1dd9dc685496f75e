"""A client for Graph of the shared tenant."""

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.local_azure.graph.graph_client import GraphClient


@pytest.fixture
def graph(local_azure: LocalTenant, local_azure_server: LocalAzure) -> GraphClient:
    """Return a client. Changes to the tenant are undone after the test."""
    return GraphClient(local_azure_server)
