"""A fault: how it is produced, and what the doctor must say."""

from collections.abc import Callable
from typing import NamedTuple

from tests.support.tool import Ended
from tests.tools.stage import Stage

API, OTHER = "aad00002-c11d-4000-8000-000000000000", "aad00003-c11d-4000-8000-000000000000"
TYPO = "aad00002-c11d-4000-8000-00000000000f"
STAGING = "1de00002-0b1d-4000-8000-000000000000"
CALLER = "1de00001-c11d-4000-8000-000000000000"
VISITOR = "05e50002-0b1d-4000-8000-000000000000"


class Fault(NamedTuple):
    """`verdict` and `step` are parts of the lines."""

    why: str
    produce: Callable[[Stage], Ended]
    verdict: str
    step: str
    code: int = 1
