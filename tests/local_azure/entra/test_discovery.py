"""OpenID metadata and keys of both versions."""

import jwt
import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant


@pytest.mark.parametrize("version", [1, 2])
def test_metadata_and_keys_have_entras_format(version: int, local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    tenant = local_azure_server.directory.tenant_id
    for origin in (local_azure_server.origin, local_azure_server.https_origin):
        path = "/v2.0" if version == 2 else ""
        document = requests.get(f"{origin}/{tenant}{path}/.well-known/openid-configuration", timeout=10).json()
        assert document["issuer"] == f"{local_azure_server.https_origin}/{tenant}/" + ("v2.0" if version == 2 else "")
        for name in ("jwks_uri", "token_endpoint", "authorization_endpoint"):
            assert document[name].startswith(f"{origin}/{tenant}/")
        for key in requests.get(document["jwks_uri"], timeout=10).json()["keys"]:
            members = "e kid kty n use x5c x5t"
            assert sorted(key) == sorted(members.split() + (["issuer"] if version == 2 else []))


def test_forwarded_headers_do_not_change_the_key_url(local_azure_server: LocalAzure):
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/v2.0/.well-known/openid-configuration"
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example"}
    assert requests.get(url, headers=forwarded, timeout=10).json() == requests.get(url, timeout=10).json()


def test_private_keys_are_not_published(local_azure_server: LocalAzure):
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/discovery/keys"
    keys = jwt.PyJWKSet.from_dict(requests.get(url, timeout=10).json())
    assert all(key.key.__class__.__name__ == "RSAPublicKey" for key in keys.keys)
