"""The command line's arguments."""

from pathlib import Path

import pytest

from local_azure.cli.arguments import parse
from tests.support.commands import call


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


def test_every_command_has_help():
    for arguments in ([], ["demo"], ["run"], ["serve"], ["host"], ["easy-auth"], ["token"], ["control"]):
        done = call(*arguments, "--help")
        assert done.returncode == 0
        assert "usage: python -m local_azure" in done.stdout


OPTIONS = [
    (["demo"], {"module": "demo", "port": 8400, "https_port": None, "once": False, "api": "aad-func"}),
    (["demo", "--once", "--easy-auth", "--port", "0"], {"once": True, "easy_auth": True, "port": 0}),
    (["serve"], {"module": "serve", "format": "sh", "imds": False, "site": None, "no_token_cache": False}),
    (["run", "--", "npm", "start"], {"module": "run", "command": ["npm", "start"], "imds": False}),
    (["run", "--imds", "--", "app", "--port", "1", "--", "x"], {"command": ["app", "--port", "1", "--", "x"]}),
    (["env", "--site", "x", "--format", "json"], {"module": "env", "site": "x", "format": "json"}),
    (["host"], {"module": "host", "folder": Path(), "port": 7071, "child": False, "no_local_settings": False}),
    (["host", "app", "--verbose", "--name", "x"], {"folder": Path("app"), "verbose": True, "name": "x"}),
    (["easy-auth", "--to", "http://x", "--api", "a"], {"module": "easy_auth", "port": 8072, "auth_settings": None}),
    (["easy-auth", "--to", "http://x", "--auth-settings", "f"], {"api": None, "auth_settings": Path("f")}),
]


@pytest.mark.parametrize(("arguments", "expected"), OPTIONS, ids=[" ".join(arguments) for arguments, _ in OPTIONS])
def test_command_has_its_options_and_their_defaults(arguments, expected):
    found = vars(parse(arguments))
    assert {name: found[name] for name in expected} == expected


INVALID = [
    ([], "the following arguments are required: COMMAND"),
    (["nosuch"], "invalid choice: 'nosuch'"),
    (["run"], "the following arguments are required: COMMAND"),
    (["run", "--"], "the following arguments are required: COMMAND"),
    (["serve", "--format", "xml"], "argument --format: invalid choice: 'xml'"),
    (["easy-auth", "--api", "a"], "the following arguments are required: --to"),
    (["easy-auth", "--to", "http://x"], "one of the arguments --api --auth-settings is required"),
    (["easy-auth", "--to", "x", "--api", "a", "--auth-settings", "f"], "not allowed with argument --api"),
]


@pytest.mark.parametrize(("arguments", "message"), INVALID, ids=[" ".join(arguments) for arguments, _ in INVALID])
def test_invalid_command_line_exits_with_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "program"),
    [
        ("/venv/bin/local-azure", "local-azure"),
        ("local-azure.exe", "local-azure"),
        ("x/__main__.py", "python -m local_azure"),
    ],
)
def test_help_names_the_command_that_was_used(script, program, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [script])
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert capsys.readouterr().out.startswith(f"usage: {program} ")
