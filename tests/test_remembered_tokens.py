"""BearerTokens: a token that has passed is remembered, and no longer than it is good."""

import asyncio
import concurrent.futures
import json
import threading
from types import MappingProxyType

import pytest

from aad_func import bearer
from aad_func.bearer import BearerTokens
from aad_func.function import _answer
from tests.support.clock import Clock
from tests.support.finding import fetching, judged, settle
from tests.support.forge import Forge, encode
from tests.support.scripted import HANG, http
from tests.support.tenant import V1, V2, VERSIONS, Tenant, gated


def test_a_remembered_token_is_not_good_for_longer_than_it_says(tokens: BearerTokens, forge: Forge, wall: Clock):
    token = forge.token(nbf=wall.now, exp=wall.now + 60)
    assert judged(tokens, token) == "application"
    wall.pass_(seconds=60 + 299)
    assert judged(tokens, token) == "application"
    wall.pass_(seconds=1)
    assert judged(tokens, token) == "token_expired"
    wall.pass_(seconds=-361 - 299)
    assert judged(tokens, token) == "application"
    wall.pass_(seconds=-1)
    assert judged(tokens, token) == "token_not_yet_valid"


def test_a_remembered_token_says_nothing_about_its_neighbours(tokens: BearerTokens, forge: Forge):
    token = forge.token()
    assert judged(tokens, token) == "application"
    signed, _, signature = token.rpartition(".")
    assert judged(tokens, f"{signed}.{signature[:-4]}AAAA") == "bad_signature"
    assert judged(tokens, signed) == "malformed_token"
    assert judged(tokens, token + "A") == "bad_signature"


def test_nobody_can_change_what_is_remembered_of_a_token(tokens: BearerTokens, forge: Forge):
    changes = {"groups": ["a"], "nested": {"list": [{"deep": 1}], "object": {}}}
    caller = asyncio.run(tokens.caller(f"Bearer {forge.token(**changes)}"))
    inside = [caller.claims]
    for value in inside:
        assert isinstance(value, MappingProxyType | tuple | str | int)
        if isinstance(value, MappingProxyType | tuple):
            inside += value.values() if isinstance(value, MappingProxyType) else value
    told = json.loads(_answer(caller))["claims"]
    assert {name: told[name] for name in changes} == changes


def test_a_remembered_token_needs_no_tenant(tokens: BearerTokens, forge: Forge, tenant: Tenant, clock: Clock):
    token = forge.token()
    assert judged(tokens, token) == "application"
    tenant.fail(HANG)
    clock.pass_(hours=47)
    assert judged(tokens, token) == "application"
    assert fetching()  # and nobody has waited for it


def test_a_remembered_token_is_forgotten_when_its_key_goes(tokens, forge: Forge, tenant: Tenant, clock, new_key):
    token = forge.token()
    assert judged(tokens, token) == "application"
    tenant.publish(new_key)
    clock.pass_(hours=12, seconds=1)
    judged(tokens, token)  # starts the refresh, and is still good until it is over
    settle()
    assert judged(tokens, token) == "unknown_key"
    tenant.recover()
    clock.pass_(seconds=30)
    assert judged(tokens, token) == "application"


def test_a_remembered_token_is_checked_again_when_its_kid_names_another_key(tokens, forge, tenant, clock, new_key):
    token = forge.token()
    assert judged(tokens, token) == "application"
    impostor = {**tenant.member(V2, new_key), "kid": forge.kid}
    tenant.publish_members(V2, impostor)
    clock.pass_(hours=13)
    judged(tokens, token)
    settle()
    assert judged(tokens, token) == "bad_signature"


def test_a_remembered_token_is_forgotten_48_hours_after_the_last_fetch(tokens, forge: Forge, tenant: Tenant, clock):
    token = forge.token()
    assert judged(tokens, token) == "application"
    tenant.fail(http(500))
    clock.pass_(hours=48)
    assert judged(tokens, token) == "signing_keys_unavailable"


def test_only_so_many_tokens_are_remembered(tokens: BearerTokens, forge: Forge, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bearer, "REMEMBERED_TOKENS", 3)
    different = [forge.token(extra=number) for number in range(5)]
    assert [judged(tokens, token) for token in different * 2] == ["application"] * 10
    assert len(tokens._passed) == 3


def test_500_made_up_kids_in_5_seconds_cause_at_most_2_fetches(tokens: BearerTokens, forge, tenant, clock: Clock):
    signature = forge.token().rpartition(".")[2]
    for number in range(500):
        version = 1 + number % 2
        header, claims = forge.header(kid=f"made-up-{number}"), forge.claims(version=version)
        assert judged(tokens, f"{encode(header)}.{encode(claims)}.{signature}") == "unknown_key"
        clock.pass_(seconds=0.01)
    assert [tenant.fetches(version, "keys") for version in VERSIONS] == [1, 1]


def test_16_threads_with_good_and_made_up_tokens_are_all_served(tokens: BearerTokens, forge: Forge, tenant: Tenant):
    gate = threading.Event()
    for version in VERSIONS:
        tenant.fail(gated(gate, tenant.behaviour(tenant.path(version, "keys"))), "keys", version)
    good = [forge.token(version=1), forge.token(version=2)] * 4
    made_up = [forge.sign(forge.claims(version=1 + n % 2), forge.header(kid=f"{n}")) for n in range(8)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = [pool.submit(judged, tokens, token) for token in good + made_up]
        gate.set()
        assert [outcome.result() for outcome in outcomes] == ["application"] * 8 + ["unknown_key"] * 8
    assert (tenant.fetches(V1), tenant.fetches(V2)) == (1, 1)
