"""Metadata of tenants that do not exist."""

import pytest
import requests

from local_azure.cloud import LocalAzure

PATHS = [
    "/.well-known/openid-configuration",
    "/v2.0/.well-known/openid-configuration",
    "/discovery/keys",
    "/discovery/v2.0/keys",
]


@pytest.mark.parametrize("tenant", ["common", "organizations", "10ca1000-0000-4000-8000-000000000001", "contoso.com"])
@pytest.mark.parametrize("path", PATHS)
def test_unknown_tenant_gets_entras_json_error(tenant: str, path: str, local_azure_server: LocalAzure):
    response = requests.get(f"{local_azure_server.origin}/{tenant}{path}", timeout=10)
    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (400, "invalid_tenant", [90002])
    assert body["error_description"].startswith(f"AADSTS90002: Tenant '{tenant}' not found.")
    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= body.keys()


@pytest.mark.parametrize("path", PATHS)
def test_existing_tenant_is_found(path: str, local_azure_server: LocalAzure):
    assert (
        requests.get(
            f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}{path}", timeout=10
        ).status_code
        == 200
    )
