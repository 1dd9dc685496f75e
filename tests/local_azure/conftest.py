"""Tenants for tests that change them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support.installed import installed

__all__ = ["installed"]


@pytest.fixture
def fresh(state: Path, few_roots: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    """A tenant whose assignments, cached tokens, faults and counters a test may change."""
    with monkeypatch.context() as patch:
        patch.setattr(certifi, "where", lambda: few_roots)
        running = LocalAzure(load(), port=0, state=state)
    with running:
        yield running


@pytest.fixture
def own_keys(azure: LocalAzure, state: Path, tmp_path: Path) -> Iterator[LocalAzure]:
    """A tenant whose keys a test may change."""
    shutil.copytree(state, tmp_path, dirs_exist_ok=True)
    with LocalAzure(load(), port=0, state=tmp_path) as running:
        yield running
