"""Output and exit codes of all tools."""

import io

import pytest

from common.problems import Problem
from tools import console
from tools.console import CheckResult, ToolError

OK, FAILED, SKIPPED = (CheckResult("name", state, "detail") for state in ("ok", "failed", "skipped"))


@pytest.mark.parametrize(
    ("checks", "strict", "code"),
    [
        ([OK], False, 0),
        ([OK, SKIPPED], False, 0),
        ([OK, SKIPPED], True, 4),
        ([OK], True, 0),
        ([OK, FAILED, SKIPPED], True, 1),
        ([FAILED], False, 1),
    ],
)
def test_exit_code_depends_on_the_states(checks, strict, code):
    assert console.exit_code(checks, strict=strict) == code


ERRORS = [
    (ToolError("no route"), 3),
    (ToolError("no scope", console.USAGE), 2),
    (Problem("token_unavailable"), 3),
    (Problem("misconfigured"), 2),
    (KeyboardInterrupt(), 3),
    (BrokenPipeError(), 3),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=[type(error).__name__ + str(code) for error, code in ERRORS])
def test_error_has_an_exit_code_and_no_traceback(error, code, capfd, monkeypatch, tmp_path):
    def tool() -> int:
        raise error

    monkeypatch.chdir(tmp_path)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(console.sys, "stdout", out)
        assert console.run(tool) == code
    assert "Traceback" not in capfd.readouterr().err


CHARACTERS = [
    ("\x1b[2J", "\\x1b[2J"),
    ("a\nok       b", "a\\nok       b"),
    ("\r", "\\r"),
    ("\x9b1m", "\\x9b1m"),
    ("\u202egnp", "\\u202egnp"),
    ("\u2028", "\\u2028"),
    ("\ud800", "\\ud800"),
    ("\U000e0041", "\\U000e0041"),
    ("plain ünïcode", "plain ünïcode"),
]


@pytest.mark.parametrize(("text", "expected"), CHARACTERS, ids=[repr(text) for text, _ in CHARACTERS])
def test_control_characters_are_escaped(text, expected, capsys):
    console.write(f"[{text}]")
    console.write_check(CheckResult(text, "ok", text))
    console.write_table([(text, text)])
    console.write(text, file=console.sys.stderr)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"[{expected}]",
        f"ok       {expected}  {expected}",
        f"  {expected}  {expected}",
    ]
    assert printed.err.splitlines() == [expected]


def test_json_is_ascii(capsys):
    console.write_json({"\x1b": ["\u202e", "é"]})
    assert capsys.readouterr().out.isascii()


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "expected"), [("", "\x1b[31mfailed   \x1b[0mx\n"), ("1", "failed   x\n")])
def test_terminal_gets_colors_unless_no_color_is_set(no_color, expected, monkeypatch):
    monkeypatch.setenv("NO_COLOR", no_color)
    buffer = io.BytesIO()
    terminal = Terminal(buffer, "utf-8")
    console.write("x", state="failed", file=terminal)
    assert buffer.getvalue().decode() == expected


def test_stream_without_unicode_gets_escape_sequences():
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, "ascii")
    console.write("é", file=stream)
    assert buffer.getvalue() == b"\\xe9\n"


def test_missing_stream_is_ignored(monkeypatch):
    monkeypatch.setattr(console.sys, "stdout", None)
    console.write("x")
