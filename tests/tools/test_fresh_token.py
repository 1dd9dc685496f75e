"""Tokens that bypass the platform's cache: respelled scopes, and aad-func's verdict on the token."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from local_azure.testing import LocalTenant
from msi_func.credentials import AppIdentity
from tests.support.caller import token_reply
from tests.support.scripted import Reply, Scripted, http
from tools.console import ToolError
from tools.fresh_token import FreshToken, request_fresh_token, respell
from tools.http import token_for

SCOPE = "api://aad00002-c11d-4000-8000-000000000000/.default"
SCOPE_V1 = SCOPE.replace("aad00002", "aad00001")
STAGING, STAGING_OBJECT = "msi-func/slots/staging", "1de00002-0b1d-4000-8000-000000000000"


def test_respell_returns_a_random_mixed_case_scope():
    spellings = {respell(SCOPE) for _ in range(200)}
    assert len(spellings) > 100
    assert {spelling.lower() for spelling in spellings} == {SCOPE}
    assert not spellings & {SCOPE, SCOPE.upper()}
    with pytest.raises(ToolError):
        respell("0/.default")


def test_respell_never_returns_its_argument():
    used = "aPi://x/.default"
    assert used not in {respell(used) for _ in range(200)}


@pytest.fixture
def request_fresh(
    run_tool: Callable[[Any], Any], local_azure: LocalTenant, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., FreshToken | None]:
    """Return a function that requests a new token as a site, on a machine with aad-func's settings."""

    def request(scope: str = SCOPE, site: str = STAGING, **settings: str) -> FreshToken | None:
        local_azure.environment(site)
        client_id = scope.removesuffix("/.default").removeprefix("api://")
        known = {
            "ENTRA_TENANT_ID": local_azure.tenant_id,
            "ENTRA_AUTHORITY": local_azure.authority.rpartition("/")[0],
            "AAD_FUNC_CLIENT_ID": client_id,
        }
        for name, value in {**known, **settings}.items():
            monkeypatch.setenv(name, value)
        return run_tool(request_fresh_token(AppIdentity(), scope))

    return request


def test_newly_assigned_role_is_in_the_new_token(
    request_fresh: Callable[..., FreshToken | None], run_tool: Callable[[Any], Any], local_azure: LocalTenant
):
    local_azure.environment(STAGING)
    cached = run_tool(token_for(AppIdentity(), SCOPE))
    before = request_fresh()
    assert before
    assert (before.has_role, before.is_accepted) == (False, False)
    local_azure.assign("DoAll", to=STAGING, of="aad-func")
    fresh = request_fresh()
    assert fresh
    assert (fresh.object_id, fresh.has_role, fresh.is_accepted) == (STAGING_OBJECT, True, True)
    assert fresh.scope.lower() == SCOPE != fresh.scope
    assert jwt.decode(fresh.token, options={"verify_signature": False})["roles"] == ["DoAll"]
    assert run_tool(token_for(AppIdentity(), SCOPE)) == cached  # still without the role


def test_version_1_token_has_the_role_but_the_respelled_audience(
    request_fresh: Callable[..., FreshToken | None], local_azure: LocalTenant
):
    local_azure.assign("DoAll", to=STAGING, of="aad-func-v1")
    fresh = request_fresh(SCOPE_V1)
    assert fresh
    assert (fresh.has_role, fresh.is_accepted) == (True, False)


def test_role_is_recognized_although_another_check_fails(
    request_fresh: Callable[..., FreshToken | None], local_azure: LocalTenant
):
    fresh = request_fresh(site="msi-func", AAD_FUNC_ALLOWED_CALLERS=STAGING_OBJECT)
    assert fresh
    assert (fresh.has_role, fresh.is_accepted) == (True, False)


REPLIES: list[tuple[str, Reply]] = [
    ("no token", http(500)),
    ("an HTML page", http(200, b"<html>")),
    ("not a JWT", token_reply(access_token="hello")),
]


@pytest.mark.parametrize(("why", "reply"), REPLIES, ids=[case[0] for case in REPLIES])
def test_endpoint_without_a_token_results_in_none(
    why, reply, run_tool: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
):
    with Scripted(lambda request: reply) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint.origin)
        monkeypatch.setenv("IDENTITY_HEADER", "secret-of-this-test")
        assert run_tool(request_fresh_token(AppIdentity(), SCOPE)) is None
