"""AccessTokenValidator: the cache of valid tokens, and concurrent callers."""

import asyncio
import json
import threading
from types import MappingProxyType

import pytest

from aad_func import access_token
from aad_func.access_token import AccessTokenValidator
from local_azure.testing import LocalTenant
from tests.support.clock import Clock
from tests.support.finding import finish_fetches, pending_fetches, validated
from tests.support.forge import Forge, encode
from tests.support.scripted import HANG, http
from tests.support.tenant import V1, V2, VERSIONS, Tenant, delayed


def test_cached_token_is_valid_only_during_its_lifetime(run, validator, local_azure: LocalTenant, wall: Clock):
    token = local_azure.token("aad-func", claims={"nbf": wall.now, "exp": wall.now + 60})
    assert run(validated(validator, token)) == "application"
    wall.advance(seconds=60 + 299)
    assert run(validated(validator, token)) == "application"
    wall.advance(seconds=1)
    assert run(validated(validator, token)) == "token_expired"
    wall.advance(seconds=-361 - 299)
    assert run(validated(validator, token)) == "application"
    wall.advance(seconds=-1)
    assert run(validated(validator, token)) == "token_not_yet_valid"


def test_similar_tokens_are_not_validated_by_a_cached_one(run, validator, local_azure: LocalTenant):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    signing_input, _, signature = token.rpartition(".")
    assert run(validated(validator, f"{signing_input}.{signature[:-4]}AAAA")) == "bad_signature"
    assert run(validated(validator, signing_input)) == "malformed_token"
    assert run(validated(validator, token + "A")) == "bad_signature"


def test_cached_claims_cannot_be_modified(run, validator: AccessTokenValidator, local_azure: LocalTenant):
    changes = {"groups": ["a"], "nested": {"list": [{"deep": 1}], "object": {}}}
    caller = run(validator.validate(f"Bearer {local_azure.token('aad-func', claims=changes)}"))
    values = [caller.claims]
    for value in values:
        assert isinstance(value, MappingProxyType | tuple | str | int)
        if isinstance(value, MappingProxyType | tuple):
            values += value.values() if isinstance(value, MappingProxyType) else value
    claims = json.loads(caller.as_json)["claims"]
    assert {name: claims[name] for name in changes} == changes


def test_cached_token_needs_no_tenant(run, runner, validator, local_azure: LocalTenant, tenant: Tenant, clock: Clock):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    tenant.fail(HANG)
    clock.advance(hours=47)
    assert run(validated(validator, token)) == "application"
    assert pending_fetches(runner.get_loop())  # The refresh has not delayed the caller.


def test_cached_token_is_dropped_with_its_key(run, validator, local_azure: LocalTenant, tenant: Tenant, clock, new_key):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    tenant.publish(new_key)
    clock.advance(hours=12, seconds=1)
    run(validated(validator, token))  # The token is valid until this refresh completes.
    run(finish_fetches())
    assert run(validated(validator, token)) == "unknown_key"
    tenant.recover()
    clock.advance(seconds=30)
    assert run(validated(validator, token)) == "application"


def test_cached_token_is_verified_again_if_its_kid_names_another_key(
    run, validator, local_azure: LocalTenant, tenant, clock, new_key, kid: str
):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    tenant.publish_members(V2, {**tenant.member(V2, new_key), "kid": kid})
    clock.advance(hours=13)
    run(validated(validator, token))
    run(finish_fetches())
    assert run(validated(validator, token)) == "bad_signature"


def test_cached_token_is_dropped_48_hours_after_the_last_fetch(
    run, validator, local_azure: LocalTenant, tenant: Tenant, clock
):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    tenant.fail(http(500))
    clock.advance(hours=48)
    assert run(validated(validator, token)) == "signing_keys_unavailable"


def test_token_cache_is_bounded(run, validator, local_azure: LocalTenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access_token, "TOKEN_CACHE_SIZE", 3)
    tokens = [local_azure.token("aad-func", claims={"extra": number}) for number in range(5)]
    assert [run(validated(validator, token)) for token in tokens * 2] == ["application"] * 10
    assert len(validator._cache) == 3


def test_500_unknown_kids_in_5_seconds_cause_one_fetch_per_version(run, validator, local_azure, tenant, clock: Clock):
    payloads = [local_azure.token(api).split(".", 1)[1] for api in ("aad-func-v1", "aad-func")]
    for number in range(500):
        header = {"typ": "JWT", "alg": "RS256", "kid": f"unknown-{number}"}
        assert run(validated(validator, f"{encode(header)}.{payloads[number % 2]}")) == "unknown_key"
        clock.advance(seconds=0.01)
    assert [tenant.fetches(version, "keys") for version in VERSIONS] == [1, 1]


def test_concurrent_callers_with_valid_and_unknown_keys_share_one_fetch_per_version(
    run, validator, local_azure: LocalTenant, forge: Forge, tenant: Tenant
):
    released = threading.Event()
    for version in VERSIONS:
        tenant.fail(delayed(released, tenant.response_for(tenant.path(version, "keys"))), "keys", version)
    valid = [local_azure.token("aad-func-v1"), local_azure.token("aad-func")] * 4
    unknown = [forge.sign(forge.claims(version=1 + n % 2), forge.header(kid=f"{n}")) for n in range(8)]

    async def call() -> list[str]:
        tasks = [asyncio.create_task(validated(validator, token)) for token in valid + unknown]
        await asyncio.sleep(0)  # Let every caller start.
        released.set()
        return await asyncio.gather(*tasks)

    assert run(call()) == ["application"] * 8 + ["unknown_key"] * 8
    assert (tenant.fetches(V1), tenant.fetches(V2)) == (1, 1)
