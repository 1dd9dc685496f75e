"""Log lines: no request can control the terminal or forge a line."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_azure.cli import log_output
from local_azure.cli.log_output import escape_control_chars
from tests.support.commands import serving

CONTROL = [
    ("escape sequence", "\x1b[2J", r"\x1b[2J"),
    ("C1 control sequence introducer", "\x9b2J", r"\x9b2J"),
    ("line break", "a\nb\r\n", r"a\nb\r\n"),
    ("line separator", "a\u2028b", r"a\u2028b"),
    ("right-to-left override", "\u202egnp", r"\u202egnp"),
    ("backspace and bell", "\b\a", r"\x08\x07"),
    ("unpaired surrogate", "\ud800", r"\ud800"),
    ("letters of any language", "Zoë 東京 😀", "Zoë 東京 😀"),
]


@pytest.mark.parametrize(("why", "text", "escaped"), CONTROL, ids=[case[0] for case in CONTROL])
def test_control_characters_are_escaped(why, text, escaped):
    assert escape_control_chars(text) == escaped


@contextlib.contextmanager
def logging_of_a_process() -> Iterator[None]:
    """Remove pytest's handlers from the root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize(
    ("logger", "logged"),
    [("local_azure.entra.token_endpoint", "[x] a\\nb\\tc\\x1b[2J\n"), ("orders", "[x] a\nb\tc\\x1b[2J\n")],
)
def test_only_an_apps_messages_have_several_lines(logger, logged, capsys):
    with logging_of_a_process():
        log_output.configure("x", logging.INFO)
        logging.getLogger(logger).info("a\nb\t%s", "c\x1b[2J")
    assert capsys.readouterr().err == logged


def test_stack_traces_are_escaped_line_by_line(capsys):
    with logging_of_a_process():
        log_output.configure("x")
        try:
            raise ValueError("\x1b]0;title\a")
        except ValueError:
            logging.getLogger("local_azure.functions_host.host").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == ("[x] failed", r"ValueError: \x1b]0;title\x07")
    assert len(lines) > 3


def test_token_request_cannot_write_to_the_terminal(state: Path):
    with serving(state) as served:
        tenant = f"{served.url}/{served.settings['AZURE_TENANT_ID']}"
        for url in (f"{tenant}/oauth2/v2.0/token", f"{served.url}/%1b%5b2J%0aforged/oauth2/token"):
            requests.post(url, data={"grant_type": "\x1b[2J\nforged", "client_id": "x"}, timeout=10)
        served.process.terminate()
        _, log = served.process.communicate(timeout=30)
    assert "\x1b" not in log
    hint, *lines = log.splitlines()
    assert "local.settings.json" in hint
    assert [line.partition("]")[0] for line in lines] == ["[identity", "[identity"]
