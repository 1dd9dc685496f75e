"""`token` and `control`."""

import json

from local_azure.cloud import LocalAzure
from tests.support.clients import verified
from tests.support.commands import call
from tests.support.tenant_requests import API


def test_token_and_control_use_the_running_tenant(azure: LocalAzure, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(azure.certificates.bundle))
    here = {"LOCAL_AZURE_URL": azure.origin}
    done = call("token", "--user", "developer@local.example", "--scope", f"{API}/.default", **here)
    assert done.stderr == ""
    assert verified(azure, done.stdout.strip())["roles"] == ["DoAll"]

    refused = call("token", "--user", "ghost", "--scope", f"{API}/.default", "--url", azure.origin)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("local_azure: AADSTS50034: ")

    assert list(json.loads(call("control", "keys", **here).stdout)) == ["keys"]
    nowhere = {"LOCAL_AZURE_URL": "http://127.0.0.1:9"}
    for arguments in (("control", "--url", azure.origin, "keys"), ("control", "keys", "--url", azure.origin)):
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
