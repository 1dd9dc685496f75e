"""A fault: how to produce it, and the verdict and step that the doctor must print."""

import itertools
import re
import shlex
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
    """A fault. `verdict` and `step` are substrings of printed lines, `code` is the exit code."""

    why: str
    produce: Callable[[Stage], Ended]
    verdict: str
    step: str
    code: int = 1


def check(fault: Fault, stage: Stage) -> float:
    """Produce the fault, check the doctor's output, and return its duration in seconds."""
    ended = fault.produce(stage)
    assert fault.verdict in ended.verdict, ended.out
    assert fault.step in ended.step, ended.out
    assert ended.code == fault.code, ended.out
    assert is_command_or_instruction(ended.step), ended.step
    assert not re.search(r"eyJ|Traceback|See \w+$", ended.out)
    return ended.seconds


def is_command_or_instruction(step: str) -> bool:
    """Return whether the step is a sentence, or a command without unquoted placeholders, which redirect in a shell."""
    if not re.match(r"(az|curl|export|func|openssl|python|read|sleep) ", step):
        return step[:1].isupper()
    words = list(shlex.shlex(step, posix=True, punctuation_chars=True))
    redirected = [target for sign, target in itertools.pairwise(words) if set(sign) <= set("<>")]
    return set(redirected) <= {"/dev/null"}
