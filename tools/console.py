"""Shared by the tools: exit codes, output, and errors as one sentence instead of a traceback."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from common.problems import Problem
from tools import http

OK, FAULT, USAGE, UNREACHABLE, SKIPPED = range(5)

EXIT_CODES = """exit codes:
  0  healthy; skipped checks are listed and do not change it
  1  a fault was found
  2  the command line or a setting on this machine is wrong
  3  unreachable or inconclusive
  4  with --strict: healthy, but checks were skipped
"""

State = Literal["ok", "failed", "skipped"]
_COLORS = {"ok": "32", "failed": "31", "skipped": "33"}


class ToolError(Exception):
    """The tool cannot continue. The message is a sentence with a remedy; `code` is the exit code.

    `lines` are further lines for people.
    """

    def __init__(self, message: str, code: int = UNREACHABLE, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.lines = lines


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


def parser(tool: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """Return a parser whose help ends with examples and the exit codes."""
    return argparse.ArgumentParser(
        f"python -m tools.{tool}",
        description=description,
        epilog=examples + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(tool: Callable[[], int]) -> int:
    """Run a tool and return its exit code; its errors are printed to stderr."""
    # Errors are reported once, by the tool; the libraries' own log lines mislead.
    for name in ("azure", "msal", "msi_func", "aad_func"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        use_local_settings()
        code = tool()
        if sys.stdout:  # None if it is closed
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader is gone. Python would flush once more at exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREACHABLE
    except ToolError as error:
        for line in (f"error: {error}", *error.lines):
            write(line, file=sys.stderr)
        return error.code
    except Problem as problem:
        write(f"error: {problem.detail} ({problem.code})", file=sys.stderr)
        return USAGE if problem.code == "misconfigured" else UNREACHABLE
    except KeyboardInterrupt:
        return UNREACHABLE
    finally:
        http.close()


def use_local_settings() -> None:
    """Add the Values of local.settings.json in this folder to the environment, which has priority."""
    file = Path("local.settings.json")
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text("utf-8-sig")).get("Values", {})
        used = {name: str(value) for name, value in values.items() if name not in os.environ}
        os.environ.update(used)
    except (OSError, ValueError, AttributeError, TypeError):
        raise ToolError("local.settings.json in this folder has no object Values of strings.", USAGE) from None
    if "IDENTITY_ENDPOINT" in used:
        write(f"note: {file} sets IDENTITY_ENDPOINT to {used['IDENTITY_ENDPOINT']};", file=sys.stderr)
        write("      move the file away to use your own sign-in to a tenant in Azure.", file=sys.stderr)


def exit_code(checks: Iterable[CheckResult], *, strict: bool) -> int:
    """Return the exit code for these checks."""
    states = {check.state for check in checks}
    if "failed" in states:
        return FAULT
    return SKIPPED if strict and "skipped" in states else OK


def write(line: str, *, state: str = "", file: TextIO | None = None) -> None:
    """Print one line. All output of the tools passes through here, so nothing remote reaches the terminal unescaped.

    A `state` precedes the line, in its color on a terminal that wants colors (https://no-color.org).
    """
    stream = file or sys.stdout
    if stream is None:  # closed
        return
    text = escape_control_chars(line).rstrip()
    text = text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8")
    if state:
        padded = state.ljust(9)
        wants_colors = stream.isatty() and not os.environ.get("NO_COLOR")
        text = (f"\x1b[{_COLORS[state]}m{padded}\x1b[0m" if wants_colors else padded) + text
    print(text, file=stream, flush=True)


def escape_control_chars(text: str) -> str:
    """Return `text` with everything that could move the cursor or hide text as an escape sequence."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def write_json(value: Any) -> None:
    """Print `value` as JSON; everything but ASCII is escaped."""
    try:
        document = json.dumps(value, indent=2)
    except RecursionError:
        raise ToolError("The claims are nested too deeply to print.", FAULT) from None
    for line in document.splitlines():
        write(line)


def write_check(check: CheckResult, width: int = 0) -> None:
    """Print a check with its state."""
    write(f"{check.name.ljust(width)}  {check.detail}", state=check.state)


def write_table(rows: Iterable[Sequence[str]], *, file: TextIO | None = None) -> None:
    """Print rows in columns; the last column is not padded."""
    for line in table(rows):
        write(line, file=file)


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line per row, in columns."""
    cells = [[escape_control_chars(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
