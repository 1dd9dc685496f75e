"""The Authorizer that a process shares, and what it says about a caller of another tenant or API."""

import asyncio

import pytest

from aad_func.authorization import Authorizer, authorizer
from common.problems import Problem
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.attacks.easy_auth import claiming as principal
from tests.support.forge import Forge
from tests.support.tenant import V2, Tenant
from tests.support.wire import bearer


@pytest.fixture
def settings(aad_settings, tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    with apps.clean_environment():
        for name, value in {**aad_settings, "ENTRA_AUTHORITY": tenant.origin}.items():
            monkeypatch.setenv(name, value)
        yield
        monkeypatch.undo()


def test_concurrent_first_requests_share_one_authorizer_and_one_fetch(
    settings, run, tenant: Tenant, local_azure: LocalTenant
):
    token = local_azure.token("aad-func")

    async def first() -> tuple[int, frozenset[str]]:
        caller = await authorizer().authorize({"authorization": f"Bearer {token}"}, "DoAll")
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


OTHER = "f0000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("scheme", ["bearer_token", "easy_auth"])
@pytest.mark.parametrize(("claim", "code"), [("tid", "wrong_tenant"), ("aud", "wrong_audience")])
def test_caller_of_another_tenant_or_api_is_told_how_it_was_authenticated(
    claim, code, scheme, settings, run, forge: Forge, monkeypatch: pytest.MonkeyPatch
):
    call = bearer(forge.token(**{claim: OTHER}))
    if scheme == "easy_auth":
        names = {"tid": "http://schemas.microsoft.com/identity/claims/tenantid", "aud": "aud"}
        call = principal(**{names[claim]: OTHER})(forge)
        for name, value in apps.EASY_AUTH.items():
            monkeypatch.setenv(name, value)
    with pytest.raises(Problem, match=code) as raised:
        run(Authorizer.from_settings().authorize(dict(call.headers)))
    assert raised.value.members == {"authenticated_by": scheme}
