"""Startup errors and help of all commands."""

import re
from pathlib import Path

import pytest

from local_azure.cli.arguments import parse
from local_azure.serving.ports import free_port
from tests.support.commands import call

WRONG = [
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


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(map(str, case[0])) for case in WRONG])
def test_startup_error_is_one_sentence(arguments, message, state: Path):
    own_state = ["--state", state] if arguments[0] in ("serve", "run") else []
    done = call(arguments[0], *own_state, *arguments[1:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"local_azure: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("no-such-command", 127, "no-such-command cannot be started (No such file or directory)."),
        ("/", 126, "/ cannot be started (Permission denied)."),
    ],
)
def test_exit_code_of_a_command_that_cannot_be_started_is_a_shells(command, code, message, state: Path):
    done = call("run", "--port", 0, "--state", state, "--", command)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"local_azure: {message}\n")


@pytest.mark.parametrize("port", ["65536", "70000", "-1", "http", "٨٠", ""])
@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port"],
        ["serve", "--https-port"],
        ["run", "--port"],
        ["demo", "--https-port"],
        ["host", "--port"],
        ["easy-auth", "--to", "http://127.0.0.1:1", "--api", "aad-func", "--port"],
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-1]}",
)
def test_port_that_does_not_exist_is_an_argument_error(arguments, port, capsys):
    with pytest.raises(SystemExit) as caught:
        parse([*arguments[:-1], f"{arguments[-1]}={port}"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"error: argument {arguments[-1]}: {port} is not a port number. Choose a number from 0 to 65535.\n"
    )


def test_damaged_keys_are_an_error_that_names_the_file(tmp_path: Path):
    for name in ("signing-keys.pem", "ca.pem"):
        state = tmp_path / name
        state.mkdir(mode=0o700)
        (state / name).write_text("damaged")
        done = call("serve", "--port", 0, "--state", state)
        assert done.returncode == 1
        assert re.fullmatch(rf"local_azure: \S+{name} does not contain .*\. Delete the file\.\n", done.stderr)


def test_http_and_https_need_different_ports(state: Path):
    port = free_port()
    done = call("serve", "--port", port, "--https-port", port, "--state", state)
    message = (
        f"local_azure: Port {port} cannot serve both http and https. Choose another https port with --https-port.\n"
    )
    assert (done.returncode, done.stderr) == (1, message)


def test_every_command_has_help():
    for arguments in ([], ["demo"], ["run"], ["serve"], ["host"], ["easy-auth"], ["token"], ["control"]):
        done = call(*arguments, "--help")
        assert done.returncode == 0
        assert "usage: python -m local_azure" in done.stdout
