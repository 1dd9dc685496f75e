"""GET /api/aad-func: its response, which is the same for both authentication schemes, and what is not served."""

import json

import pytest
import requests

from tests.support.apps import Host
from tests.support.attacks.easy_auth import claiming as principal
from tests.support.forge import CALLER, CALLER_OBJECT, Forge
from tests.support.wire import bearer, send

TIMEOUT = 30


@pytest.mark.parametrize("scheme", ["bearer_token", "easy_auth"])
def test_response_has_the_caller_its_roles_and_its_claims(scheme, forge: Forge, request: pytest.FixtureRequest):
    host: Host = request.getfixturevalue("aad_host" if scheme == "bearer_token" else "easy_auth_host")
    call = bearer(forge.token()) if scheme == "bearer_token" else principal()(forge)
    answer = send(host.url("aad-func"), call)
    body = json.loads(answer.body)
    tenant = forge.azure.directory.tenant_id
    assert answer.all("Cache-Control") == ["no-store"]
    assert body.pop("claims").items() >= {"tid": tenant, "oid": CALLER_OBJECT, "roles": ["DoAll"]}.items()
    assert body == {
        "authenticated_by": scheme,
        "caller": {"kind": "application", "client_id": CALLER, "object_id": CALLER_OBJECT, "tenant_id": tenant},
        "roles": ["DoAll"],
        "role_sources": {"DoAll": "token"},
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_served(method, aad_host: Host, forge: Forge):
    headers = {"Authorization": f"Bearer {forge.token()}"}
    assert requests.request(method, aad_host.url("aad-func"), headers=headers, timeout=TIMEOUT).status_code == 404


def test_no_function_key_is_required(aad_host: Host):
    response = requests.get(aad_host.url("aad-func"), timeout=TIMEOUT)
    assert (response.status_code, response.json()["code"]) == (401, "missing_token")
