"""OpenID metadata and keys."""

import jwt
import pytest
import requests

from local_azure.cloud import LocalAzure
from tests.support.clients import become


@pytest.mark.parametrize("version", [1, 2])
def test_metadata_and_keys_have_entras_format(version: int, azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    tenant = azure.directory.tenant_id
    for origin in (azure.origin, azure.https_origin):
        path = "/v2.0" if version == 2 else ""
        document = requests.get(f"{origin}/{tenant}{path}/.well-known/openid-configuration", timeout=10).json()
        assert document["issuer"] == f"{azure.https_origin}/{tenant}/" + ("v2.0" if version == 2 else "")
        for name in ("jwks_uri", "token_endpoint", "authorization_endpoint"):
            assert document[name].startswith(f"{origin}/{tenant}/")
        for key in requests.get(document["jwks_uri"], timeout=10).json()["keys"]:
            members = "e kid kty n use x5c x5t"
            assert sorted(key) == sorted(members.split() + (["issuer"] if version == 2 else []))


def test_forwarded_headers_do_not_change_the_key_url(azure: LocalAzure):
    url = f"{azure.origin}/{azure.directory.tenant_id}/v2.0/.well-known/openid-configuration"
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example"}
    assert requests.get(url, headers=forwarded, timeout=10).json() == requests.get(url, timeout=10).json()


def test_private_keys_are_not_published(azure: LocalAzure):
    url = f"{azure.origin}/{azure.directory.tenant_id}/discovery/keys"
    keys = jwt.PyJWKSet.from_dict(requests.get(url, timeout=10).json())
    assert all(key.key.__class__.__name__ == "RSAPublicKey" for key in keys.keys)
