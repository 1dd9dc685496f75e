"""A tenant of a test's own, which it can change."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load

__all__ = ["LocalAzure", "fault", "own_tenant"]


@contextlib.contextmanager
def own_tenant(state: Path) -> Iterator[LocalAzure]:
    """Run the shipped tenant on free ports."""
    with LocalAzure(load(), port=0, https_port=0, state=state) as running:
        yield running


@contextlib.contextmanager
def fault(azure: LocalAzure, endpoint: str, **values: object) -> Iterator[None]:
    """Inject a fault into an endpoint of the tenant."""
    control = f"{azure.origin}/local-azure"
    requests.post(f"{control}/fault", json={"endpoint": endpoint, **values}, timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.post(f"{control}/clear-faults", timeout=10).raise_for_status()
