"""The tools run in the test process, as they run alone in theirs."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Restore the log levels that a tool sets for its whole process."""
    levels = {logger: logger.level for logger in map(logging.getLogger, ("azure", "msal", "msi_func", "aad_func"))}
    yield
    for logger, level in levels.items():
        logger.setLevel(level)
