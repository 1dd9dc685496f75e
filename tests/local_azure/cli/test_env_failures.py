"""`env` without settings to print: a shell that evaluates the output does not run the next command."""

import shutil
import sys

import pytest

from local_azure.cloud import LocalAzure
from tests.support.commands import call, run

NOTHING_LISTENS = "http://127.0.0.1:9"
SHELLS = {
    "sh": (["sh", "-c"], 'eval "$({command})" && echo next'),
    "pwsh": (
        ["pwsh", "-NoProfile", "-Command"],
        "{command} --format powershell | Out-String | Invoke-Expression; Write-Output next",
    ),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("site", ["msi-func", "ghost"], ids=["no tenant", "no such site"])
def test_next_command_does_not_run_without_settings(shell: str, site: str, local_azure_server: LocalAzure):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    command, script = SHELLS[shell]
    url = local_azure_server.origin if site == "ghost" else NOTHING_LISTENS
    line = script.format(command=f"'{sys.executable}' -m local_azure env --site {site}")
    done = run([*command, line if shell == "sh" else f"& {line}"], LOCAL_AZURE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "local_azure: " in done.stderr


def test_next_command_runs_with_the_settings(local_azure_server: LocalAzure):
    line = f'eval "$(\'{sys.executable}\' -m local_azure env)" && echo "$IDENTITY_HEADER"'
    done = run(["sh", "-c", line], LOCAL_AZURE_URL=local_azure_server.origin)
    assert (done.returncode, done.stdout) == (0, local_azure_server.environment()["IDENTITY_HEADER"] + "\n")


FORMATS = [("sh", "false\n"), ("powershell", "throw '"), ("json", ""), ("dotenv", "")]


@pytest.mark.parametrize(("name", "output"), FORMATS, ids=[name for name, _ in FORMATS])
def test_only_formats_that_shells_evaluate_print_a_command(name: str, output: str):
    done = call("env", "--format", name, LOCAL_AZURE_URL=NOTHING_LISTENS)
    assert done.returncode == 1
    assert done.stdout.startswith(output)
    assert bool(output) == bool(done.stdout)
