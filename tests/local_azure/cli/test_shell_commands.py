"""Commands without tokens, to paste into sh or PowerShell."""

import subprocess

import pytest

from local_azure.cli.shell_commands import ShellRequest, this_command
from tests.support.scripted import Scripted, as_json

URL = "http://127.0.0.1:1/api?a=1&b=2"
POWERSHELL = f"Invoke-RestMethod '{URL}' -SkipHttpErrorCheck"
REQUESTS = [
    (ShellRequest(URL), f"curl -si '{URL}'", POWERSHELL),
    (
        ShellRequest(URL, headers={"X-Y": "it's"}),
        f"""curl -si -H 'X-Y: it'"'"'s' '{URL}'""",
        f"{POWERSHELL} -Headers @{{'X-Y' = 'it''s'}}",
    ),
    (
        ShellRequest(URL, "DELETE", token_command="print-token"),
        f"""printf 'Authorization: Bearer %s' "$(print-token)" | curl -si -X DELETE -H @- '{URL}'""",
        f"""{POWERSHELL} -Method DELETE -Headers @{{'Authorization' = "Bearer $(print-token)"}}""",
    ),
    (
        ShellRequest(URL, "POST", body={"a": "b"}),
        f"""curl -si -X POST -H 'Content-Type: application/json' -d '{{"a": "b"}}' '{URL}'""",
        f"""{POWERSHELL} -Method POST -ContentType 'application/json' -Body '{{"a": "b"}}'""",
    ),
]


@pytest.mark.parametrize(("request_", "sh", "powershell"), REQUESTS)
def test_request_becomes_a_command_for_each_shell(request_, sh, powershell):
    assert (request_.command("sh"), request_.command("powershell")) == (sh, powershell)


def test_command_sends_the_request():
    with Scripted(lambda request: as_json(200, {})) as api:
        request = ShellRequest(
            f"{api.origin}/x?a=1&b=2", "POST", {"X-Y": "it's"}, "echo the-token", {"text": "it's $HOME"}
        )
        subprocess.run(["bash", "-c", request.command("sh")], check=True, capture_output=True, timeout=30)
    (sent,) = api.requests
    assert (sent.method, sent.target, sent.body) == ("POST", "/x?a=1&b=2", b'{"text": "it\'s $HOME"}')
    assert (sent.headers["authorization"], sent.headers["x-y"]) == ("Bearer the-token", "it's")


def test_this_command_runs_local_azure_with_this_interpreter():
    assert this_command("sh").endswith(" -m local_azure")
    assert this_command("powershell").startswith("& '")
