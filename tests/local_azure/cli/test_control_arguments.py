"""Arguments of the commands for a running tenant."""

import pytest

from local_azure.cli.arguments import parse

DEFAULT, OTHER = "http://127.0.0.1:8400", "http://127.0.0.1:9000"
URLS = [
    ("the default", None, [], DEFAULT),
    ("the default, with an empty LOCAL_AZURE_URL", "", [], DEFAULT),
    ("LOCAL_AZURE_URL", OTHER, [], OTHER),
    ("--url instead of LOCAL_AZURE_URL", "http://127.0.0.1:1", ["--url", OTHER], OTHER),
]
COMMANDS = [["env"], ["token", "--user", "x", "--scope", "y"], ["control", "keys"]]


@pytest.mark.parametrize(("why", "setting", "options", "url"), URLS, ids=[case[0] for case in URLS])
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_url_is_the_option_the_setting_or_the_default(why, setting, options, url, command, monkeypatch):
    if setting is None:
        monkeypatch.delenv("LOCAL_AZURE_URL", raising=False)
    else:
        monkeypatch.setenv("LOCAL_AZURE_URL", setting)
    assert parse([*command, *options]).url == url


def test_url_may_precede_the_action():
    assert parse(["control", "--url", OTHER, "keys"]).url == OTHER


def test_missing_values_are_none():
    """Requests omit values that are None, so that the tenant's defaults apply."""
    fault = parse(["control", "fault", "msi", "--status", "503"])
    assert (fault.control, fault.endpoint, fault.status) == ("fault", "msi", 503)
    assert (fault.delay, fault.truncate, fault.reset, fault.count) == (None,) * 4
    token = parse(["token", "--user", "x", "--scope", "y"])
    assert (token.client_id, token.mfa) == (None, None)


def test_values_have_their_types():
    fault = parse(["control", "fault", "keys", "--delay", "1.5", "--truncate", "--reset", "--count", "2"])
    assert (fault.delay, fault.truncate, fault.reset, fault.count) == (1.5, True, True, 2)
    assert parse(["control", "advance", "24h"]).duration == "24h"
    assert parse(["control", "remove-key", "abc"]).kid == "abc"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["control"], "the following arguments are required: ACTION"),
        (["control", "remove-key"], "the following arguments are required: kid"),
        (["control", "advance"], "the following arguments are required: duration"),
        (["control", "fault"], "the following arguments are required: endpoint"),
        (["control", "fault", "msi", "--status", "soon"], "argument --status: invalid int value: 'soon'"),
        (["token", "--scope", "y"], "the following arguments are required: --user"),
        (["token", "--user", "x"], "the following arguments are required: --scope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_missing_or_malformed_value_is_an_argument_error(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
