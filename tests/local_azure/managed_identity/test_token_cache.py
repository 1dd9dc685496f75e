"""The platform's token cache, and the role that takes effect a day late."""

import time
from pathlib import Path

from local_azure.cloud import LocalAzure
from local_azure.entra.errors import TokenRequestError
from local_azure.tenant.loader import load
from tests.support.clients import become, verified
from tests.support.tenant_requests import API, SHARED, assign, control, request_identity_token, request_imds_token


def test_token_is_cached_per_identity_and_exact_resource(fresh: LocalAzure, monkeypatch):
    become(monkeypatch, fresh)
    shared = {"client_id": SHARED.client_id}
    first = request_identity_token(fresh, **shared).json()["access_token"]
    assign(fresh, SHARED.object_id)

    assert request_identity_token(fresh, **shared).json()["access_token"] == first
    assert request_imds_token(fresh, **shared).json()["access_token"] == first
    assert "roles" not in verified(fresh, first)
    # Another spelling of the same resource is another token, and so is another identity.
    for query in ({**shared, "resource": API.upper().replace("API://", "api://")}, {}):
        assert verified(fresh, request_identity_token(fresh, **query).json()["access_token"])["roles"] == ["DoAll"]

    assert fresh.token_cache.clear() == 3
    assert verified(fresh, request_identity_token(fresh, **shared).json()["access_token"])["roles"] == ["DoAll"]


def test_cached_token_is_renewed_five_minutes_before_it_expires(fresh: LocalAzure):
    first = request_identity_token(fresh).json()
    fresh.clock.advance(86_400 - 300 - 60)  # a minute, in which the next request certainly arrives
    assert request_identity_token(fresh).json() == first
    fresh.clock.advance(60)
    assert request_identity_token(fresh).json() != first


def test_token_issued_after_an_advance_is_valid_now_and_has_the_new_role(fresh: LocalAzure, monkeypatch):
    become(monkeypatch, fresh)
    shared = {"client_id": SHARED.client_id}
    request_identity_token(fresh, **shared)
    assign(fresh, SHARED.object_id)
    assert control(fresh, "advance", duration="23h").json() == {"seconds": 82_800, "expired_tokens": 0}
    assert "roles" not in verified(fresh, request_identity_token(fresh, **shared).json()["access_token"])
    assert control(fresh, "advance", duration="1h").json() == {"seconds": 3600, "expired_tokens": 1}
    claims = verified(fresh, request_identity_token(fresh, **shared).json()["access_token"])
    assert claims["roles"] == ["DoAll"]
    assert abs(claims["nbf"] + 300 - time.time()) < 60


def test_advance_ages_tokens_cached_before_it_only(fresh: LocalAzure):
    control(fresh, "advance", duration="2d")
    new = request_identity_token(fresh).json()
    assert control(fresh, "advance", duration="12h").json()["expired_tokens"] == 0
    assert request_identity_token(fresh).json() == new


def test_new_role_takes_effect_at_once_without_the_cache(state: Path, monkeypatch):
    with LocalAzure(load(), port=0, state=state, cache_tokens=False) as azure:
        become(monkeypatch, azure)
        for roles in (None, ["DoAll"]):
            token = request_identity_token(azure, client_id=SHARED.client_id).json()["access_token"]
            assert verified(azure, token).get("roles") == roles
            assign(azure, SHARED.object_id)


def test_each_token_is_logged_without_its_value(fresh: LocalAzure, caplog):
    error = TokenRequestError(500011, resource="api://nowhere", tenant="Local tenant").text
    with caplog.at_level("INFO", logger="local_azure"):
        tokens = [request_identity_token(fresh).json()["access_token"] for _ in range(2)]
        request_identity_token(fresh, resource="api://nowhere")
    assert caplog.messages == [
        f"msi-func: token for {API}, roles: DoAll (new)",
        f"msi-func: token for {API}, roles: DoAll (from the cache)",
        f"msi-func: no token for api://nowhere: {error}",
    ]
    assert not any(part in caplog.text for token in tokens for part in token.split("."))
