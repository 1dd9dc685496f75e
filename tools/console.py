"""What the tools share: exit codes, colours, tables, and one sentence instead of a traceback."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from common.problems import Problem
from tools import http

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3

EXIT_CODES = """exit codes:
  0  all is well
  1  something was found wrong, or refused
  2  the command line is wrong
  3  a token, the directory or the app could not be had, so nothing can be said
"""

_COLOURS = {"ok": "32", "failed": "31", "not checked": "33"}


class ToolError(Exception):
    """The tool cannot do it. The message is one sentence with the way out; `code` is the exit code."""

    def __init__(self, message: str, code: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.code = code


def parser(tool: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """A parser whose help ends with examples and the exit codes."""
    return argparse.ArgumentParser(
        f"python -m tools.{tool}",
        description=description,
        epilog=examples + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(tool: Callable[[], int]) -> int:
    """Run a tool, with its errors as one sentence on stderr. Returns the exit code."""
    # What went wrong is said once, by us: the libraries' own words for it mislead.
    for name in ("azure", "msal", "msi_func", "aad_func"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        use_local_settings()
        code = tool()
        if sys.stdout:  # None where it is closed
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Who reads what is printed has had enough. Python would flush it once more at its end, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except Problem as problem:
        print(f"error: {problem.detail} ({problem.code})", file=sys.stderr)
        return UNAVAILABLE
    except KeyboardInterrupt:
        return UNAVAILABLE
    finally:
        http.close()


def use_local_settings() -> None:
    """On a desk: the Values of local.settings.json in this folder, where the environment does not define them."""
    file = Path("local.settings.json")
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text("utf-8-sig")).get("Values", {})
        used = {name: str(value) for name, value in values.items() if name not in os.environ}
        os.environ.update(used)
    except (OSError, ValueError, AttributeError, TypeError):
        raise ToolError("local.settings.json in this folder has no object Values of names and texts.", USAGE) from None
    if "IDENTITY_ENDPOINT" in used:
        print(f"note: {file} says that the managed identity is at {used['IDENTITY_ENDPOINT']};", file=sys.stderr)
        print("      move it away to use your own sign-in, for a tenant in the cloud.", file=sys.stderr)


def coloured(word: str) -> str:
    """`word`, padded, in its colour on a terminal that wants colours (https://no-color.org)."""
    padded = word.ljust(11)
    wanted = sys.stdout and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\x1b[{_COLOURS[word]}m{padded}\x1b[0m" if wanted and word in _COLOURS else padded


def table(rows: Iterable[Sequence[str]], indent: str = "  ") -> str:
    """Rows in columns, the last one as long as it likes. Control characters are shown, not obeyed."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)]
    lines = (
        indent + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def plain(text: str) -> str:
    """Text from elsewhere, safe to print: a claim or a name must not move the cursor."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
