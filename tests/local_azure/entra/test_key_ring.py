"""Key rotation."""

from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support.clients import become, verified
from tests.support.tenant_requests import control, request_identity_token


def test_rotated_key_signs_and_the_old_one_stays_until_it_is_removed(own_keys: LocalAzure, monkeypatch):
    become(monkeypatch, own_keys)
    old = request_identity_token(own_keys).json()["access_token"]
    first = own_keys.keys.current.kid
    kids = control(own_keys, "rotate-keys").json()["keys"]
    assert kids[0] == first
    assert len(kids) == 2

    assert request_identity_token(own_keys).json()["access_token"] == old
    assert control(own_keys, "clear-token-cache").json() == {"cleared": 1}
    new = request_identity_token(own_keys).json()["access_token"]
    for token in (old, new):
        verified(own_keys, token)

    assert control(own_keys, "remove-key", kid=first).json() == {"keys": kids[1:]}
    verified(own_keys, new)
    with pytest.raises(Exception, match="Unable to find a signing key"):
        verified(own_keys, old)
    assert control(own_keys, "remove-key", kid=first).status_code == 404
    assert requests.get(f"{own_keys.origin}/local-azure/keys", timeout=10).json() == {"keys": kids[1:]}


def test_removed_last_key_is_replaced_and_the_new_one_stored(own_keys: LocalAzure, tmp_path: Path):
    (new,) = control(own_keys, "remove-key", kid=own_keys.keys.current.kid).json()["keys"]
    with LocalAzure(load(), port=0, state=tmp_path) as again:
        assert again.keys.current.kid == new
