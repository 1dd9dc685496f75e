"""`run`: the identity and the settings of the command."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.commands import call
from tests.support.tenant_requests import API, is_listening, port_of

SCRIPT = """
import json, os, sys
from azure.identity import ManagedIdentityCredential
print(json.dumps([ManagedIdentityCredential().get_token("API/.default").token, dict(os.environ)]))
sys.exit(7)
""".replace("API", API)


@pytest.mark.parametrize("how", [[], ["--imds"]], ids=["App Service", "IMDS"])
def test_run_provides_the_identity_and_returns_the_exit_code(how: list[str], state: Path):
    done = call("run", "--port", 0, "--state", state, *how, "--", sys.executable, "-c", SCRIPT)
    assert done.returncode == 7
    token, settings = json.loads(done.stdout)
    assert ("IDENTITY_ENDPOINT" in settings) == (how == [])
    assert re.fullmatch(rf"\[identity\] msi-func: token for {API}, roles: DoAll \(new\)\n", done.stderr)
    assert not any(part in done.stderr for part in token.split("."))
    assert not is_listening(port_of(settings["LOCAL_AZURE_URL"]))


def test_run_uses_the_identity_of_the_named_site(state: Path):
    arguments = ("run", "--port", 0, "--state", state, "--site", "msi-func/slots/staging")
    done = call(*arguments, "--", sys.executable, "-c", SCRIPT)
    assert f"msi-func/slots/staging: token for {API}, roles: none (new)" in done.stderr
