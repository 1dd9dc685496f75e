"""The README, the sample settings and .gitignore contain the default ports and state folder."""

import json

from local_azure.cli.arguments import parse
from local_azure.serving.defaults import HTTP_PORT, HTTPS_PORT, STATE
from tests.support.apps import APP


def test_sample_settings_use_the_default_port():
    sample = json.loads((APP / "local.settings.sample.json").read_text("utf-8"))["Values"]
    assert sample["ENTRA_AUTHORITY"] == f"http://127.0.0.1:{HTTP_PORT}"


def test_defaults_of_the_command_line_are_documented():
    options = parse(["serve"])
    assert (options.port, options.state) == (HTTP_PORT, STATE)
    readme = (APP / "local_azure" / "README.md").read_text("utf-8")
    for default in (HTTP_PORT, HTTPS_PORT, STATE):
        assert str(default) in readme


def test_state_folder_is_excluded_from_git():
    """The folder contains private keys."""
    assert f"{STATE}/" in (APP / ".gitignore").read_text("utf-8").splitlines()
