"""A finding of the doctor, with a severity and the next step."""

from dataclasses import dataclass
from enum import IntEnum

from tools.console import FAULT, UNREACHABLE


class Severity(IntEnum):
    """The severity of a finding. The most severe finding is the verdict."""

    INCONCLUSIVE = 1
    FAULT = 2
    UNREACHABLE = 3
    OPEN_DOOR = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault. `cause` describes the fault, and `step` is a command to paste or an instruction."""

    cause: str
    step: str
    severity: Severity = Severity.FAULT

    @property
    def exit_code(self) -> int:
        """The doctor's exit code if this is the verdict."""
        return UNREACHABLE if self.severity in (Severity.INCONCLUSIVE, Severity.UNREACHABLE) else FAULT

    def as_dict(self) -> dict[str, str]:
        """Return the finding for --json."""
        return {"severity": self.severity.name.lower(), "cause": self.cause, "step": self.step}
