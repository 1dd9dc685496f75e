"""Log output of the commands."""

import logging
import sys
from types import TracebackType


def configure(name: str, others: int = logging.WARNING) -> None:
    """Log local_azure's messages at level INFO and above, and others at level `others` and above.

    Each line starts with `name`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_EscapingFormatter(f"[{name}] %(message)s" if name else "%(message)s"))
    logging.basicConfig(level=others, handlers=[handler])
    logging.getLogger("local_azure").setLevel(logging.INFO)


def escape_control_chars(text: str, allowed: str = "") -> str:
    """Escape non-printable characters except `allowed`, because requests can contain terminal escape sequences."""
    return "".join(
        char if char.isprintable() or char in allowed else char.encode("unicode_escape").decode() for char in text
    )


class _EscapingFormatter(logging.Formatter):
    """Escapes control characters. Only stack traces and messages of an app's loggers can have several lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (named by logging)
        ours = record.name.partition(".")[0] == "local_azure"
        return escape_control_chars(super().formatMessage(record), "" if ours else "\n\t")

    def formatException(  # noqa: N802 (named by logging)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return escape_control_chars(super().formatException(ei), "\n\t")
