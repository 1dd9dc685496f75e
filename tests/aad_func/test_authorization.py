"""The Authorizer that all requests in a process share."""

import asyncio

import pytest

from aad_func.authorization import authorizer
from common.problems import Problem
from tests.support import apps
from tests.support.forge import Forge
from tests.support.tenant import V2, Tenant


@pytest.fixture
def settings(aad_settings, tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    with apps.clean_environment():
        for name, value in {**aad_settings, "ENTRA_AUTHORITY": tenant.origin}.items():
            monkeypatch.setenv(name, value)
        yield
        monkeypatch.undo()


def test_concurrent_first_requests_share_one_authorizer_and_one_fetch(settings, run, tenant: Tenant, forge: Forge):
    async def first() -> tuple[int, frozenset[str]]:
        caller = await authorizer().authorize({"authorization": f"Bearer {forge.token()}"}, "DoAll")
        return id(authorizer()), caller.roles

    async def call() -> list[tuple[int, frozenset[str]]]:
        return await asyncio.gather(*(first() for _ in range(32)))

    outcomes = run(call())
    assert [roles for _, roles in outcomes] == [{"DoAll"}] * 32
    assert len({identity for identity, _ in outcomes}) == 1
    assert tenant.fetches(V2) == 1


def test_misconfiguration_is_not_cached(settings, run, monkeypatch: pytest.MonkeyPatch):
    async def tenant_id() -> str:
        return authorizer().tenant_id

    with monkeypatch.context() as patch:
        patch.setenv("ENTRA_TENANT_ID", "contoso")
        with pytest.raises(Problem, match="misconfigured") as raised:
            run(tenant_id())
        assert raised.value.members == {"settings": ["ENTRA_TENANT_ID"]}
    assert run(tenant_id())
