"""Startup errors: one line, and the exit code of the command."""

import re
from pathlib import Path

import pytest

from tests.support.commands import call

ERRORS = [
    (["serve", "--tenant", "none.json"], "none.json: cannot be read (No such file or directory)"),
    (["serve", "--port", 0, "--site", "ghost"], "No site is named ghost. The tenant file defines: msi-func, "),
    (["easy-auth", "--to", "http://127.0.0.1:1", "--api", "ghost"], "No application is named ghost. The tenant file"),
    (["easy-auth", "--to", "http://127.0.0.1:1", "--api", "aad-func", "--url", "http://127.0.0.1:1"], "No local"),
    (["control", "--url", "http://127.0.0.1:1", "counters"], "No local tenant responds at http://127.0.0.1:1. Run"),
    (
        ["token", "--url", "http://127.0.0.1:1", "--user", "x", "--scope", "y"],
        "No local tenant responds at http://127.",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), ERRORS, ids=[" ".join(map(str, case[0])) for case in ERRORS])
def test_startup_error_is_one_line(arguments, message, state: Path):
    own_state = ["--state", state] if arguments[0] in ("serve", "run") else []
    done = call(arguments[0], *own_state, *arguments[1:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"local_azure: {message}")
    assert done.stderr.count("\n") == 1


def test_damaged_keys_are_an_error_that_names_the_file(tmp_path: Path):
    for name, content in (("signing-keys.pem", "valid signing keys"), ("ca.pem", "a valid certificate authority")):
        state = tmp_path / name
        state.mkdir(mode=0o700)
        (state / name).write_text("damaged")
        done = call("serve", "--port", 0, "--state", state)
        assert done.returncode == 1
        assert re.fullmatch(rf"local_azure: \S+{name} does not contain {content}\. Delete the file\.\n", done.stderr)
