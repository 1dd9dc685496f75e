"""`easy-auth`: the proxy for an app registration or with an authsettingsV2 document."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from tests.support import commands
from tests.support.commands import call, start
from tests.support.forge import Forge

API = "aad00002-c11d-4000-8000-000000000000"
TENANT = "10ca1000-0000-4000-8000-000000000000"


@contextlib.contextmanager
def easy_auth(azure: LocalAzure, *arguments: object) -> Iterator[str]:
    process = start("easy-auth", "--to", "http://127.0.0.1:1", "--port", 0, "--url", azure.origin, *arguments)
    try:
        yield process.stdout.readline().partition(" ")[0]
    finally:
        process.terminate()
        process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 0


def auth_settings(folder: Path, client_id: str = API, tenant: str = TENANT) -> Path:
    registration = {"openIdIssuer": f"https://login.microsoftonline.com/{tenant}/v2.0", "clientId": client_id}
    rules = {"defaultAuthorizationPolicy": {"allowedApplications": ["0ddba11c-0000-4000-8000-000000000000"]}}
    provider = {"azureActiveDirectory": {"registration": registration, "validation": rules}}
    document = {"globalValidation": {"unauthenticatedClientAction": "Return403"}, "identityProviders": provider}
    (folder / "auth.json").write_text(json.dumps({"properties": document}))
    return folder / "auth.json"


def test_easy_auth_serves_the_proxy(local_azure_server: LocalAzure):
    with easy_auth(local_azure_server, "--api", "aad-func") as url:
        assert requests.get(url, timeout=10).status_code == 401


def test_easy_auth_applies_the_auth_settings(local_azure_server: LocalAzure, forge: Forge, tmp_path: Path):
    bearer = {"Authorization": f"Bearer {forge.token()}"}
    with easy_auth(local_azure_server, "--auth-settings", auth_settings(tmp_path)) as url:
        assert requests.get(url, timeout=10).status_code == 403  # Return403
        assert requests.get(url, headers=bearer, timeout=10).status_code == 403  # allowedApplications
    with easy_auth(local_azure_server, "--api", "aad-func") as url:
        assert requests.get(url, headers=bearer, timeout=10).status_code == 502


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": TENANT}, f"No application has the client ID {TENANT}. The tenant file defines: "),
        ({"tenant": API}, f"openIdIssuer names the tenant {API}, but the local tenant is {TENANT}."),
    ],
)
def test_auth_settings_of_another_tenant_are_an_error(changes, message, tmp_path: Path):
    done = call("easy-auth", "--to", "http://127.0.0.1:1", "--auth-settings", auth_settings(tmp_path, **changes))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"local_azure: {message}")
