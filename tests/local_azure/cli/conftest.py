"""A demo that tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_azure.cli.demo_process import Demo, running


@pytest.fixture(scope="module")
def demo(state: Path) -> Iterator[Demo]:
    """A running demo. The tests of a module share it, so they must not change its tenant."""
    with running(state) as shared:
        yield shared
