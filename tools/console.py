"""Exit codes, output and error messages of all tools."""

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
  0  no fault was found (some checks may have been skipped)
  1  a fault was found
  2  the command line or a setting on this machine is wrong
  3  a server is unreachable, or the result is inconclusive
  4  no fault was found, but some checks were skipped (only with --strict)
"""

State = Literal["ok", "failed", "skipped"]
_COLORS = {"ok": "32", "failed": "31", "skipped": "33"}


class ToolError(Exception):
    """The tool cannot continue. `code` is the exit code, and `lines` are printed after the message."""

    def __init__(self, message: str, code: int = UNREACHABLE, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.lines = lines


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check with its state and result. `code` is the problem code in the result, or ""."""

    name: str
    state: State
    detail: str
    code: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the check for --json."""
        return asdict(self)


def parser(tool: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """Return a parser. The help text ends with the examples and the exit codes."""
    return argparse.ArgumentParser(
        f"python -m tools.{tool}",
        description=description,
        epilog=examples + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(tool: Callable[[], int]) -> int:
    """Run a tool, print errors to stderr, and return the exit code."""
    # The tool reports each error once. Additional log lines would be misleading.
    for name in ("azure", "msal", "msi_func", "aad_func"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        use_local_settings()
        code = tool()
        if sys.stdout:  # a closed stdout is None
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The program that reads the output has ended. Without the null device, flushing at exit would fail again.
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
    """Add `Values` of local.settings.json to the environment without replacing existing variables."""
    file = Path("local.settings.json")
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text("utf-8-sig")).get("Values", {})
        used = {name: str(value) for name, value in values.items() if name not in os.environ}
        os.environ.update(used)
    except (OSError, ValueError, AttributeError, TypeError):
        raise ToolError(
            "local.settings.json in this folder must be a JSON file with an object named Values.", USAGE
        ) from None
    if "IDENTITY_ENDPOINT" in used:
        write(f"note: {file} sets IDENTITY_ENDPOINT to {used['IDENTITY_ENDPOINT']}.", file=sys.stderr)
        write("      To use your own sign-in to a tenant in Azure, move the file to another folder.", file=sys.stderr)


def exit_code(checks: Iterable[CheckResult], *, strict: bool) -> int:
    """Return the exit code for these checks."""
    states = {check.state for check in checks}
    if "failed" in states:
        return FAULT
    return SKIPPED if strict and "skipped" in states else OK


def write(line: str, *, state: str = "", file: TextIO | None = None) -> None:
    """Print one line with control characters escaped. All output of the tools uses this function.

    If `state` is given, it is printed before the line. On a terminal, the state has a color unless NO_COLOR is set
    (https://no-color.org).
    """
    stream = file or sys.stdout
    if stream is None:  # the stream is closed
        return
    text = escape_control_chars(line).rstrip()
    text = text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8")
    if state:
        padded = state.ljust(9)
        wants_colors = stream.isatty() and not os.environ.get("NO_COLOR")
        text = (f"\x1b[{_COLORS[state]}m{padded}\x1b[0m" if wants_colors else padded) + text
    print(text, file=stream, flush=True)


def escape_control_chars(text: str) -> str:
    """Escape non-printable characters, because a terminal would interpret control characters."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def write_json(value: Any) -> None:
    """Print `value` as JSON, with non-ASCII characters escaped."""
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
    """Print rows in aligned columns."""
    for line in table(rows):
        write(line, file=file)


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return one line per row, with aligned columns."""
    cells = [[escape_control_chars(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
