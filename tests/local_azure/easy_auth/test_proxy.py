"""Easy Auth: which callers it accepts, the headers that it sets, and that clients cannot set them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from local_azure.serving.errors import StartError
from local_azure.serving.ports import free_port
from local_azure.tenant.loader import load
from tests.support import apps
from tests.support.easy_auth_proxy import METHODS, call, easy_auth, echoing_app, principal, seen
from tests.support.forge import CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge, encode


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    with echoing_app() as origin:
        yield origin


@pytest.fixture(scope="module")
def front(azure: LocalAzure, app: str) -> Iterator[str]:
    with easy_auth(azure, app) as origin:
        yield origin


def test_principal_has_an_applications_claims_under_easy_auths_names(front: str, forge: Forge):
    response = call(f"{front}/api", forge.token(roles=["DoAll", "Other"], idtyp="app"))
    found = principal(response)
    assert (found["auth_typ"], sorted(found)) == ("aad", ["auth_typ", "claims", "name_typ", "role_typ"])
    claims = [(claim["typ"], claim["val"]) for claim in found["claims"]]
    # role_typ names a type that no claim has: app roles come as `roles`, one claim for each.
    assert found["role_typ"] == "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert [value for name, value in claims if name == "roles"] == ["DoAll", "Other"]
    by_name = dict(claims)
    assert by_name["http://schemas.microsoft.com/identity/claims/objectidentifier"] == CALLER_OBJECT
    assert by_name["http://schemas.microsoft.com/identity/claims/tenantid"] == forge.azure.directory.tenant_id
    assert by_name["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"] == CALLER_OBJECT
    assert (by_name["azp"], by_name["ver"], by_name["idtyp"]) == (CALLER, "2.0", "app")
    assert all(isinstance(value, str) for _, value in claims)
    assert not {"oid", "tid", "sub", found["role_typ"]} & by_name.keys()
    headers = seen(response)
    assert headers["x-ms-client-principal-id"] == headers["x-ms-client-principal-name"] == [CALLER_OBJECT]
    assert headers["x-ms-client-principal-idp"] == ["aad"]


def test_principal_has_the_users_name_and_scope(front: str, forge: Forge):
    response = call(front, forge.token(user=True, preferred_username="developer@local.example"))
    assert seen(response)["x-ms-client-principal-name"] == ["developer@local.example"]
    assert seen(response)["x-ms-client-principal-id"] == [USER_OBJECT]
    claims = {claim["typ"]: claim["val"] for claim in principal(response)["claims"]}
    assert claims["http://schemas.microsoft.com/identity/claims/scope"] == "user_impersonation"


FORGED = [
    "X-MS-CLIENT-PRINCIPAL",
    "x-ms-client-principal",
    "X_MS_CLIENT_PRINCIPAL",
    "X-MS_Client-Principal",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "x_ms_client_principal_name",
    "X-Ms-Client-Principal-Idp",
    "X-MS-CLIENT-PRINCIPAL-ANYTHING",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "x_ms_token_aad_id_token",
]


@pytest.mark.parametrize("name", FORGED)
def test_client_principal_headers_from_clients_are_removed(name: str, front: str, forge: Forge):
    assert call(front, None, headers={name: "forged"}).status_code == 401
    response = call(front, forge.token(), headers={name: "forged", "X-Ms-Other": "kept"})
    headers = seen(response)
    assert "forged" not in str(headers)
    assert headers["x-ms-other"] == ["kept"]
    assert {header: len(values) for header, values in headers.items() if header.startswith("x-ms-client")} == {
        "x-ms-client-principal": 1,
        "x-ms-client-principal-id": 1,
        "x-ms-client-principal-name": 1,
        "x-ms-client-principal-idp": 1,
    }


BAD = [
    ("none", None),
    ("not a token", lambda forge: "x.y.z"),
    ("expired", lambda forge: forge.token(exp=1_700_000_000)),
    ("not valid yet", lambda forge: forge.token(nbf=9_000_000_000)),
    ("for another API", lambda forge: forge.token(aud="aad00003-c11d-4000-8000-000000000000")),
    ("of another issuer", lambda forge: forge.token(iss="https://login.microsoftonline.com/x/v2.0")),
    ("of version 1 where version 2 is issued", lambda forge: forge.token(version=1)),
    ("without an expiry", lambda forge: forge.token(exp=GONE)),
    ("unsigned", lambda forge: f"{encode({'alg': 'none'})}.{encode(forge.claims())}."),
    ("by an unknown key", lambda forge: forge.sign(forge.claims(), forge.header(kid="unknown"))),
    ("changed", lambda forge: ".".join([*forge.token().split(".")[:2], forge.token(roles=["X"]).split(".")[2]])),
]


@pytest.mark.parametrize(("why", "token"), BAD, ids=[case[0] for case in BAD])
def test_invalid_token_is_401(why, token, front: str, forge: Forge):
    response = call(front, token(forge) if token else None)
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="{front.removeprefix("http://")}"'


def test_token_without_roles_is_accepted(front: str, forge: Forge):
    response = call(front, forge.token(roles=GONE))
    assert response.status_code == 200
    assert "roles" not in [claim["typ"] for claim in principal(response)["claims"]]


def test_version_1_registration_accepts_version_1_tokens(azure: LocalAzure, app: str):
    forge = Forge(azure, "aad-func-v1")
    with easy_auth(azure, app, "aad-func-v1") as front:
        assert call(front, forge.token(version=1)).status_code == 200
        assert call(front, forge.token(version=2)).status_code == 401


def test_request_and_response_are_forwarded_unchanged(front: str, forge: Forge):
    token = forge.token()
    url = f"{front}/api/a%2Fb//c?q=%20x&q=2&status=404"
    response = call(url, token, "POST", data=b"body", headers={"X-Mine": "1", "Connection": "X-Mine, keep-alive"})
    assert response.status_code == 404
    assert response.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    echoed = response.json()
    assert (echoed["method"], echoed["body"]) == ("POST", "body")
    assert echoed["target"] == "/api/a%2Fb//c?q=%20x&q=2&status=404"
    headers = seen(response)
    assert headers["authorization"] == [f"Bearer {token}"]
    assert headers["host"] == [front.removeprefix("http://")]
    assert headers["content-length"] == ["4"]
    assert "x-mine" not in headers


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_forwarded(method: str, front: str, forge: Forge):
    response = call(front, forge.token(), method)
    assert response.status_code == 200
    assert method == "HEAD" or response.json()["method"] == method


def test_paths_of_easy_auth_are_not_forwarded(front: str, forge: Forge):
    assert call(f"{front}/.auth/me", forge.token()).status_code == 404


def test_unreachable_app_is_502(azure: LocalAzure, forge: Forge):
    with easy_auth(azure, f"http://127.0.0.1:{free_port()}") as front:
        assert call(front, forge.token()).status_code == 502


def test_unreachable_tenant_is_503(state: Path, app: str):
    with LocalAzure(load(), port=0, state=state) as azure, easy_auth(azure, app) as front:
        token = Forge(azure).token()
        azure.__exit__()
        assert call(front, token).status_code == 503


def test_new_key_is_fetched_at_once(tmp_path: Path, app: str):
    with LocalAzure(load(), port=0, state=tmp_path) as azure, easy_auth(azure, app) as front:
        assert call(front, Forge(azure).token()).status_code == 200
        azure.keys.rotate()
        assert call(front, Forge(azure).token()).status_code == 200


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7072", "https://127.0.0.1", "http://", "http://127.0.0.1/api", "http://x:y"]
)
def test_invalid_url_is_an_error(url: str, azure: LocalAzure):
    with pytest.raises(StartError, match="must be an http URL without a path"), easy_auth(azure, url):
        pass


def test_aad_func_authorizes_callers_from_the_principal(azure: LocalAzure, forge: Forge):
    settings = {**apps.aad_settings(azure), **apps.EASY_AUTH, "AzureWebJobs.msi_func.Disabled": "true"}
    with apps.running(settings) as host, easy_auth(azure, host.origin) as front:
        url = f"{front}/api/aad-func"
        claims = {"auth_typ": "aad", "claims": [{"typ": "roles", "val": "DoAll"}]}
        forged = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(claims).encode()).decode()}
        good, without = call(url, forge.token()), call(url, forge.token(roles=GONE), headers=forged)
        nobody = call(url, None, headers=forged)
    assert (good.status_code, good.json()["authenticated_by"]) == (200, "easy_auth")
    assert good.json()["caller"]["object_id"] == CALLER_OBJECT
    assert (without.status_code, without.json()["code"]) == (403, "missing_role")
    assert (nobody.status_code, nobody.content) == (401, b"")
