"""The platform's token cache, which delays new roles by up to 24 hours."""

import time
from pathlib import Path

from local_azure.cloud import LocalAzure
from local_azure.entra.errors import TokenRequestError
from local_azure.tenant.loader import load
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, SHARED, control, request_identity_token, request_imds_token

IDENTITY = {"client_id": SHARED.client_id}  # shared-identity, which does not have the role


def token(azure: LocalAzure, **query: str) -> str:
    return str(request_identity_token(azure, **query).json()["access_token"])


def test_token_is_cached_per_identity_and_exact_resource(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    first = token(local_azure_server, **IDENTITY)
    local_azure.assign("DoAll", to="shared-identity", of="aad-func")

    assert token(local_azure_server, **IDENTITY) == first
    assert request_imds_token(local_azure_server, **IDENTITY).json()["access_token"] == first
    assert "roles" not in verified(local_azure_server, first)
    # Another spelling of the resource and another identity have separate cache entries.
    for query in ({**IDENTITY, "resource": API.upper().replace("API://", "api://")}, {}):
        assert verified(local_azure_server, token(local_azure_server, **query))["roles"] == ["DoAll"]

    assert local_azure_server.token_cache.clear() == 3
    assert verified(local_azure_server, token(local_azure_server, **IDENTITY))["roles"] == ["DoAll"]


def test_cached_token_is_renewed_five_minutes_before_it_expires(
    local_azure: LocalTenant, local_azure_server: LocalAzure
):
    first = request_identity_token(local_azure_server).json()
    local_azure.clock.advance(86_400 - 300 - 60)  # the next request has one minute to arrive
    assert request_identity_token(local_azure_server).json() == first
    local_azure.clock.advance(60)
    assert request_identity_token(local_azure_server).json() != first


def test_token_issued_after_an_advance_is_valid_now_and_has_the_new_role(
    local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.environment()
    token(local_azure_server, **IDENTITY)
    local_azure.assign("DoAll", to="shared-identity", of="aad-func")
    assert control(local_azure_server, "advance", duration="23h").json() == {"seconds": 82_800, "expired_tokens": 0}
    assert "roles" not in verified(local_azure_server, token(local_azure_server, **IDENTITY))
    assert control(local_azure_server, "advance", duration="1h").json() == {"seconds": 3600, "expired_tokens": 1}
    claims = verified(local_azure_server, token(local_azure_server, **IDENTITY))
    assert claims["roles"] == ["DoAll"]
    assert abs(claims["nbf"] + 300 - time.time()) < 60


def test_advance_does_not_affect_tokens_cached_afterwards(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.clock.advance(2 * 86_400)
    new = request_identity_token(local_azure_server).json()
    assert control(local_azure_server, "advance", duration="12h").json()["expired_tokens"] == 0
    assert request_identity_token(local_azure_server).json() == new


def test_new_role_takes_effect_at_once_without_the_cache(state: Path, monkeypatch):
    with LocalAzure(load(), port=0, state=state, cache_tokens=False) as azure:
        uncached = LocalTenant(azure, monkeypatch)
        uncached.environment()
        for roles in (None, ["DoAll"]):
            assert verified(azure, token(azure, **IDENTITY)).get("roles") == roles
            uncached.assign("DoAll", to="shared-identity", of="aad-func")


def test_each_token_is_logged_without_its_value(local_azure: LocalTenant, local_azure_server: LocalAzure, caplog):
    error = TokenRequestError(500011, resource="api://nowhere", tenant="Local tenant").text
    with caplog.at_level("INFO", logger="local_azure"):
        tokens = [request_identity_token(local_azure_server).json()["access_token"] for _ in range(2)]
        request_identity_token(local_azure_server, resource="api://nowhere")
    assert caplog.messages == [
        f"msi-func: token for {API}, roles: DoAll (new)",
        f"msi-func: token for {API}, roles: DoAll (from the cache)",
        f"msi-func: no token for api://nowhere: {error}",
    ]
    assert not any(part in caplog.text for token in tokens for part in token.split("."))
