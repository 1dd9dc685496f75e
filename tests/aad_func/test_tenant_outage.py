"""Outages of the tenant, as callers of an aad-func in a Functions host observe them."""

import concurrent.futures
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import Forge, encode
from tests.support.responses import check_response
from tests.support.scripted import HANG, http
from tests.support.tenant import V1, VERSIONS, Tenant
from tests.support.wire import bearer, send

# aad-func without a minimum interval between fetches, because no clock can be injected into a subprocess.
EAGER = """
import azure.functions as func
from aad_func import signing_keys
from aad_func.function import blueprint

signing_keys.MIN_FETCH_INTERVAL = 0
app = func.FunctionApp()
app.register_functions(blueprint)
"""


@pytest.fixture
def token(local_azure: LocalTenant) -> Callable[[], str]:
    return functools.partial(local_azure.token, "aad-func")


@pytest.fixture
def v1_token(local_azure: LocalTenant, aad_settings: dict[str, str]) -> Callable[[], str]:
    """Returns version 1 tokens for the same API."""
    return functools.partial(local_azure.token, "aad-func-v1", claims={"aud": aad_settings["AAD_FUNC_CLIENT_ID"]})


def outcome(host: Host, token: str) -> str:
    return check_response(send(host.url("aad-func"), bearer(token)), bearer(token))


@pytest.fixture
def settings(aad_settings: dict[str, str], tenant: Tenant) -> dict[str, str]:
    return {**aad_settings, "ENTRA_AUTHORITY": tenant.origin}


@pytest.fixture
def host(settings: dict[str, str]) -> Iterator[Host]:
    with apps.running(settings) as running:
        yield running


@pytest.fixture
def eager_host(settings: dict[str, str], tmp_path: Path) -> Iterator[Host]:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text(EAGER)
    with apps.running(settings, folder=tmp_path) as running:
        yield running


def test_outage_is_503_and_ends_without_a_restart(eager_host: Host, tenant: Tenant, token, forge: Forge):
    tenant.fail(http(500))
    assert outcome(eager_host, token()) == "503 signing_keys_unavailable"
    tenant.recover()
    assert outcome(eager_host, token()) == "200 application"
    tenant.fail(http(500))
    assert outcome(eager_host, token()) == "200 application"
    assert outcome(eager_host, forge.sign(forge.claims(), forge.header(kid="new"))) == "503 signing_keys_unavailable"


def test_outage_of_one_version_does_not_affect_the_other(host: Host, tenant: Tenant, token, v1_token):
    tenant.fail(http(500), "keys", V1)
    assert outcome(host, v1_token()) == "503 signing_keys_unavailable"
    assert outcome(host, token()) == "200 application"
    assert outcome(host, v1_token()) == "503 signing_keys_unavailable"
    assert tenant.fetches(V1) == 1


def test_hanging_tenant_delays_only_callers_without_a_known_key(host: Host, tenant: Tenant, token, v1_token):
    assert outcome(host, token()) == "200 application"
    tenant.fail(HANG, "metadata", V1)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(outcome, host, v1_token()) for _ in range(16)]
        while not tenant.fetches(V1):
            assert outcome(host, token()) == "200 application"
        assert not any(call.done() for call in waiting)
        assert {call.result() for call in waiting} == {"503 signing_keys_unavailable"}
    assert tenant.fetches(V1) == 1


def test_500_unknown_kids_cause_at_most_2_fetches_per_version(host, tenant, token, v1_token):
    payloads = [make().split(".", 1)[1] for make in (v1_token, token)]

    def call(number: int) -> str:
        header = {"typ": "JWT", "alg": "RS256", "kid": f"made-up-{number}"}
        return outcome(host, f"{encode(header)}.{payloads[number % 2]}")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(call, range(500))) == {"401 unknown_key"}
    assert all(1 <= tenant.fetches(version, "keys") <= 2 for version in VERSIONS)


def test_key_urls_in_a_token_are_never_fetched(host: Host, tenant: Tenant, forge: Forge):
    offered = {"jku": f"{tenant.origin}/evil", "x5u": f"{tenant.origin}/evil"}
    assert outcome(host, forge.sign(forge.claims(), forge.header(**offered))) == "200 application"
    assert (
        outcome(host, forge.sign(forge.claims(iss=f"{tenant.origin}/evil"), forge.header(**offered)))
        == "401 wrong_issuer"
    )
    assert "/evil" not in "".join(tenant.paths)
