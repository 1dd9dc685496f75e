"""Signing keys: rotation, removal and storage."""

from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import control, request_identity_token


def test_new_key_signs_and_the_old_key_is_valid_until_removed(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    old = request_identity_token(local_azure_server).json()["access_token"]
    first = local_azure_server.keys.current.kid
    kids = control(local_azure_server, "rotate-keys").json()["keys"]
    assert kids[0] == first
    assert len(kids) == 2

    assert request_identity_token(local_azure_server).json()["access_token"] == old
    assert control(local_azure_server, "clear-token-cache").json() == {"cleared": 1}
    new = request_identity_token(local_azure_server).json()["access_token"]
    for token in (old, new):
        verified(local_azure_server, token)

    assert control(local_azure_server, "remove-key", kid=first).json() == {"keys": kids[1:]}
    verified(local_azure_server, new)
    with pytest.raises(Exception, match="Unable to find a signing key"):
        verified(local_azure_server, old)
    assert control(local_azure_server, "remove-key", kid=first).status_code == 404
    assert requests.get(f"{local_azure_server.origin}/local-azure/keys", timeout=10).json() == {"keys": kids[1:]}


def test_removed_last_key_is_replaced_by_a_stored_key(tmp_path: Path):
    with LocalAzure(load(), port=0, state=tmp_path) as azure:
        (new,) = control(azure, "remove-key", kid=azure.keys.current.kid).json()["keys"]
    with LocalAzure(load(), port=0, state=tmp_path) as again:
        assert again.keys.current.kid == new
