"""Tokens for services of Azure, such as Key Vault and Storage."""

import asyncio

import pytest
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import request_imds_token

SERVICES = {
    "https://management.azure.com": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "https://management.core.windows.net": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "https://vault.azure.net": "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    "https://storage.azure.com": "e406a681-f3d4-42a8-90b6-c2b029497af1",
    "https://database.windows.net": "022907d3-0f1b-48f7-badc-1ba6abab6d66",
    "https://servicebus.azure.net": "80a10ef9-8168-493d-abf9-3297c4ef6e3c",
}


@pytest.mark.parametrize("slash", ["", "/"], ids=["no slash", "slash"])
@pytest.mark.parametrize("service", SERVICES)
def test_managed_identity_gets_a_token_of_an_azure_service(
    service: str, slash: str, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.environment()
    api = local_azure_server.directory.api(service).name
    claims = verified(
        local_azure_server, ManagedIdentityCredential().get_token(f"{service}{slash}/.default").token, api
    )
    assert (claims["aud"], claims["ver"]) == (f"{service}{slash}", "1.0")
    assert claims["appid"] == "1de00001-c11d-4000-8000-000000000000"
    assert "roles" not in claims


@pytest.mark.parametrize("service", SERVICES)
def test_azure_service_has_its_real_client_id(service: str, local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    api = local_azure_server.directory.api(service)
    assert api.client_id == SERVICES[service]
    token = request_imds_token(local_azure_server, resource=api.client_id).json()["access_token"]
    assert verified(local_azure_server, token, api.name)["aud"] == api.client_id


def test_async_credential_gets_a_token_of_an_azure_service(local_azure: LocalTenant, local_azure_server: LocalAzure):
    async def token() -> str:
        async with AsyncManagedIdentityCredential() as credential:
            return (await credential.get_token("https://vault.azure.net/.default")).token

    local_azure.environment()
    assert verified(local_azure_server, asyncio.run(token()), "Azure Key Vault")["aud"] == "https://vault.azure.net"
