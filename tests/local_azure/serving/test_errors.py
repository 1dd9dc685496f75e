"""Startup errors determine the output and the exit code of a command."""

import pytest

from local_azure.cli import main, run
from local_azure.serving.errors import StartError


@pytest.mark.parametrize(
    ("error", "code"),
    [(StartError("No tenant is running."), 1), (StartError("No tenant is running.", 127), 127)],
    ids=["by default", "chosen"],
)
def test_startup_error_is_printed_and_determines_the_exit_code(error, code, monkeypatch, capsys):
    def fail(options: object) -> int:
        raise error

    monkeypatch.setattr(run, "run", fail)
    assert main.main(["run", "--", "true"]) == code
    assert capsys.readouterr() == ("", "local_azure: No tenant is running.\n")
