"""The result of one check."""

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: its state and what was found. `code` is the problem's, if it failed with one."""

    name: str
    state: State
    detail: str
    code: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the check for --json."""
        return asdict(self)
