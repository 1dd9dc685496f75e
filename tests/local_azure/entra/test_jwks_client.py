"""The tenant's keys over HTTP: caching, refresh for an unknown `kid`, and outages."""

import pytest

from local_azure.cloud import LocalAzure
from local_azure.entra import jwks_client
from local_azure.entra.jwks_client import JwksClient, JwksUnavailable
from local_azure.serving.errors import StartError
from local_azure.testing import LocalTenant


@pytest.fixture
def keys(local_azure: LocalTenant, local_azure_server: LocalAzure) -> JwksClient:
    return JwksClient(local_azure_server.origin, local_azure.tenant_id, 2)


@pytest.mark.parametrize("version", [1, 2])
def test_each_version_has_its_issuer_and_keys(version: int, local_azure_server: LocalAzure):
    client = JwksClient(local_azure_server.origin, local_azure_server.directory.tenant_id, version)
    current = local_azure_server.keys.current
    assert client.issuer == local_azure_server.issuer.issuer(version)
    assert client.find(current.kid).public_numbers() == current.private.public_key().public_numbers()


def test_known_key_is_fetched_once(keys: JwksClient, local_azure: LocalTenant, local_azure_server: LocalAzure):
    kid = local_azure_server.keys.current.kid
    assert all(keys.find(kid) for _ in range(3))
    assert local_azure.requests == {"msi": 0, "imds": 0, "metadata": 1, "keys": 1, "token": 0, "graph": 0}


def test_new_key_is_found_at_once(keys: JwksClient, local_azure: LocalTenant, local_azure_server: LocalAzure):
    old = local_azure_server.keys.current.kid
    assert keys.find(old)
    new = local_azure.rotate_keys()
    assert keys.find(new)
    assert keys.find(old)


def test_unknown_kid_has_no_key(keys: JwksClient):
    assert keys.find("unknown") is None


def test_removed_key_is_invalid_once_the_cache_expires(
    keys: JwksClient, local_azure: LocalTenant, local_azure_server: LocalAzure, monkeypatch
):
    old = local_azure_server.keys.current.kid
    local_azure.rotate_keys()
    monkeypatch.setattr(jwks_client, "MAX_AGE", 0)
    assert keys.find(old)
    local_azure_server.keys.remove(old)
    assert keys.find(old) is None


def test_removed_key_is_valid_until_the_cache_expires(
    keys: JwksClient, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    old = local_azure_server.keys.current.kid
    local_azure.rotate_keys()
    assert keys.find(old)
    local_azure_server.keys.remove(old)
    assert keys.find(old)


FAULTS = [{"status": 500}, {"truncate": True}, {"reset": True}]


@pytest.mark.parametrize("fault", FAULTS, ids=[str(fault) for fault in FAULTS])
def test_keys_are_unavailable_until_the_tenant_recovers(
    fault, keys: JwksClient, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    kid = local_azure_server.keys.current.kid
    local_azure.faults.inject("keys", count=1, **fault)
    with pytest.raises(JwksUnavailable):
        keys.find(kid)
    assert keys.find(kid)


@pytest.mark.parametrize("fault", FAULTS, ids=[str(fault) for fault in FAULTS])
def test_tenant_without_metadata_is_an_error_at_startup(
    fault, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.faults.inject("metadata", **fault)
    with pytest.raises(StartError, match=rf"^No local tenant responds at {local_azure_server.origin}\. Run "):
        JwksClient(local_azure_server.origin, local_azure.tenant_id, 2)
