"""Easy Auth's proxy: accepted tokens, and responses if the app or the tenant is unreachable."""

import base64
import json
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.policy import UnauthenticatedAction
from local_azure.serving.ports import free_port
from local_azure.tenant.loader import load
from local_azure.testing import LocalTenant
from tests.local_azure.easy_auth.auth_documents import API, OTHER, read, settings
from tests.support import apps
from tests.support.easy_auth_proxy import METHODS, call, easy_auth, principal, seen
from tests.support.forge import CALLER_OBJECT, GONE, Forge, encode

INVALID = [
    ("no token", None),
    ("not a token", lambda forge: "x.y.z"),
    ("expired", lambda forge: forge.token(exp=1_700_000_000)),
    ("not valid yet", lambda forge: forge.token(nbf=9_000_000_000)),
    ("for another API", lambda forge: forge.token(aud="aad00003-c11d-4000-8000-000000000000")),
    ("from another issuer", lambda forge: forge.token(iss="https://login.microsoftonline.com/x/v2.0")),
    ("version 1 for a version 2 registration", lambda forge: forge.token(version=1)),
    ("without an expiry", lambda forge: forge.token(exp=GONE)),
    ("unsigned", lambda forge: f"{encode({'alg': 'none'})}.{encode(forge.claims())}."),
    ("with an unknown kid", lambda forge: forge.sign(forge.claims(), forge.header(kid="unknown"))),
    (
        "with another token's signature",
        lambda forge: ".".join([*forge.token().split(".")[:2], forge.token(roles=["X"]).split(".")[2]]),
    ),
]


@pytest.mark.parametrize(("why", "token"), INVALID, ids=[case[0] for case in INVALID])
def test_invalid_token_is_401(why, token, front: str, forge: Forge):
    response = call(front, token(forge) if token else None)
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="{front.removeprefix("http://")}"'


def test_token_without_roles_is_accepted(front: str, forge: Forge):
    response = call(front, forge.token(roles=GONE))
    assert response.status_code == 200
    assert "roles" not in [claim["typ"] for claim in principal(response)["claims"]]


def test_version_1_registration_accepts_version_1_tokens(local_azure_server: LocalAzure, app: str):
    forge = Forge(local_azure_server, "aad-func-v1")
    with easy_auth(local_azure_server, app, "aad-func-v1") as front:
        assert call(front, forge.token(version=1)).status_code == 200
        assert call(front, forge.token(version=2)).status_code == 401


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_forwarded(method: str, front: str, forge: Forge):
    response = call(front, forge.token(), method)
    assert response.status_code == 200
    assert method == "HEAD" or response.json()["method"] == method


def test_paths_of_easy_auth_are_not_forwarded(front: str, forge: Forge):
    assert call(f"{front}/.auth/me", forge.token()).status_code == 404


def test_unreachable_app_is_502(local_azure_server: LocalAzure, forge: Forge):
    with easy_auth(local_azure_server, f"http://127.0.0.1:{free_port()}") as front:
        assert call(front, forge.token()).status_code == 502


def test_unreachable_tenant_is_503(state: Path, app: str):
    with LocalAzure(load(), port=0, state=state) as azure, easy_auth(azure, app) as front:
        token = Forge(azure).token()
        azure.__exit__()
        assert call(front, token).status_code == 503


def test_new_key_is_fetched_at_once(front: str, local_azure: LocalTenant):
    assert call(front, local_azure.token("aad-func")).status_code == 200
    local_azure.rotate_keys()
    assert call(front, local_azure.token("aad-func")).status_code == 200


def test_aad_func_authorizes_callers_from_the_principal(local_azure_server: LocalAzure, forge: Forge):
    settings = {**apps.aad_settings(local_azure_server), **apps.EASY_AUTH, "AzureWebJobs.msi_func.Disabled": "true"}
    with apps.running(settings) as host, easy_auth(local_azure_server, host.origin) as front:
        url = f"{front}/api/aad-func"
        claims = {"auth_typ": "aad", "claims": [{"typ": "roles", "val": "DoAll"}]}
        forged = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(claims).encode()).decode()}
        accepted, without_role = call(url, forge.token()), call(url, forge.token(roles=GONE), headers=forged)
        anonymous = call(url, None, headers=forged)
    assert (accepted.status_code, accepted.json()["authenticated_by"]) == (200, "easy_auth")
    assert accepted.json()["caller"]["object_id"] == CALLER_OBJECT
    assert (without_role.status_code, without_role.json()["code"]) == (403, "missing_role")
    assert (anonymous.status_code, anonymous.content) == (401, b"")


@pytest.mark.parametrize("action", [action.value for action in UnauthenticatedAction])
def test_invalid_token_is_401_with_every_action(
    action, app, local_azure_server: LocalAzure, forge: Forge, tmp_path: Path
):
    found = {"unauthenticatedClientAction": action, "excludedPaths": ["/health"]}
    policy = read(tmp_path, settings("globalValidation", found)).policy
    with easy_auth(local_azure_server, app, policy=policy) as front:
        for path in ("/api", "/health"):
            assert call(front + path, forge.token(aud=OTHER)).status_code == 401
            response = call(front + path, forge.token(aud=API))
            assert (response.status_code, principal(response)["auth_typ"]) == (200, "aad")
            assert "x-ms-client-principal-id" in seen(response)


def test_sign_in_pages_are_not_emulated(app, local_azure_server: LocalAzure):
    with easy_auth(local_azure_server, app) as front:
        response = call(f"{front}/.auth/login/aad", None)
    assert response.status_code == 404
    assert response.text.startswith("local_azure does not emulate sign-in. Send a bearer token from ")
