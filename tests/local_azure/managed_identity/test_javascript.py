"""The App Service endpoint and IMDS with Azure's client library for JavaScript, if it is installed.

NODE_IDENTITY_FOLDER names a folder in which `npm install @azure/identity@4.13.1` has been run.
"""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from tests.support.tenant_requests import API, JOB, SHARED

FOLDER = Path(os.environ.get("NODE_IDENTITY_FOLDER", "."))


pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules/@azure/identity").exists(),
        reason="needs a folder with @azure/identity, named by NODE_IDENTITY_FOLDER",
    ),
]

SCRIPT = """
const { %s } = require("@azure/identity");
(async () => console.log((await (%s).getToken("%s/.default")).token))();
"""

CASES = [
    ("system-assigned", "ManagedIdentityCredential", "()", False, "1de00001-c11d-4000-8000-000000000000"),
    ("user-assigned", "ManagedIdentityCredential", f'({{ clientId: "{SHARED.client_id}" }})', False, SHARED.client_id),
    ("system-assigned, IMDS", "ManagedIdentityCredential", "()", True, "1de00001-c11d-4000-8000-000000000000"),
    (
        "user-assigned, IMDS",
        "ManagedIdentityCredential",
        f'({{ clientId: "{SHARED.client_id}" }})',
        True,
        SHARED.client_id,
    ),
    ("default credential", "DefaultAzureCredential", "()", False, "1de00001-c11d-4000-8000-000000000000"),
    (
        "a daemon",
        "ClientSecretCredential",
        f'(process.env.AZURE_TENANT_ID, "{JOB}", "local-only-nightly-job", {{ disableInstanceDiscovery: true }})',
        False,
        JOB,
    ),
]


@pytest.mark.parametrize(("who", "credential", "arguments", "imds", "client"), CASES, ids=[case[0] for case in CASES])
def test_azure_identity_for_javascript_gets_a_token(
    who, credential, arguments, imds, client, local_azure_server: LocalAzure
):
    script = SCRIPT % (credential, f"new {credential}{arguments}", API)
    settings = {"PATH": os.environ["PATH"], **local_azure_server.environment(imds=imds)}
    done = subprocess.run(
        ["node", "-e", script], cwd=FOLDER, env=settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    payload = done.stdout.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["azp"], claims["iss"]) == (client, local_azure_server.issuer.issuer(2))
