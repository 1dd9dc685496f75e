"""Environment variables of a process that uses the tenant."""

import json
from pathlib import Path

import pytest

from local_azure import environment
from local_azure.cloud import LocalAzure
from tests.support.apps import APP


def test_sample_settings_equal_those_of_serve(local_azure_server: LocalAzure):
    sample = json.loads((APP / "local.settings.sample.json").read_text())["Values"]
    site, tenant = local_azure_server.directory.site("msi-func"), local_azure_server.directory.tenant_id
    serve = environment.settings(site, tenant, "http://127.0.0.1:8400", "https://127.0.0.1:8443", Path("bundle"))
    serve["ENTRA_AUTHORITY"] = serve["LOCAL_AZURE_URL"]  # a host that func start runs does not trust the local CA
    names = ("ENTRA_TENANT_ID", "ENTRA_AUTHORITY", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    assert {name: sample[name] for name in names} == {name: serve[name] for name in names}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "corp.example, localhost"}, "corp.example,localhost,127.0.0.1"),
        ({"no_proxy": "low.example", "NO_PROXY": "high.example"}, "low.example,127.0.0.1,localhost"),
    ],
)
def test_local_requests_bypass_proxies(before, after, local_azure_server: LocalAzure, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    environment = local_azure_server.environment()
    assert environment["NO_PROXY"] == environment["no_proxy"] == after
