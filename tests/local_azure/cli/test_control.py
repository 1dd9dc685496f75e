"""`control`: commands for the running tenant."""

import json

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.commands import call


def test_control_uses_the_running_tenant(local_azure: LocalTenant, local_azure_server: LocalAzure):
    here = {"LOCAL_AZURE_URL": local_azure_server.origin}
    assert list(json.loads(call("control", "keys", **here).stdout)) == ["keys"]
    nowhere, url = {"LOCAL_AZURE_URL": "http://127.0.0.1:9"}, local_azure_server.origin
    for arguments in (("control", "--url", url, "keys"), ("control", "keys", "--url", url)):
        assert list(json.loads(call(*arguments, **nowhere).stdout)) == ["keys"]
    assert json.loads(call("control", "fault", "graph", "--reset", "--count", "1", **here).stdout)["graph"]["reset"]
    assert "graph" in json.loads(call("control", "faults", **here).stdout)
    assert call("control", "clear-faults", **here).stdout == "{}\n"
    assert "msi" in json.loads(call("control", "counters", **here).stdout)
    advanced = call("control", "advance", "90s", **here)
    assert json.loads(advanced.stdout) == {"seconds": 90, "expired_tokens": 0}
    assert advanced.stderr == "Apps cache tokens too. Restart your apps to get new tokens.\n"
    unknown = call("control", "remove-key", "none", **here)
    assert (unknown.returncode, unknown.stderr) == (1, "local_azure: kid must be one of the published keys.\n")
