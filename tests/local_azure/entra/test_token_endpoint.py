"""The token endpoints: client credentials with real clients, response formats and errors."""

import pytest
import requests
from azure.identity import ClientSecretCredential, EnvironmentCredential

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, ASSIGNED, JOB, SECRET, V1, request_client_token


def test_client_secret_credential_gets_a_token_over_https(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    with ClientSecretCredential(
        local_azure_server.directory.tenant_id, JOB, SECRET, disable_instance_discovery=True
    ) as credential:
        claims = verified(local_azure_server, credential.get_token(f"{API}/.default").token)
    assert (claims["azp"], claims["azpacr"], claims["roles"]) == (JOB, "1", ["DoAll"])
    assert claims["exp"] - claims["nbf"] == 3900


def test_environment_credential_gets_a_token(local_azure: LocalTenant, local_azure_server: LocalAzure, monkeypatch):
    local_azure.environment()
    monkeypatch.setenv("AZURE_CLIENT_ID", JOB)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    with EnvironmentCredential(disable_instance_discovery=True) as credential:
        assert verified(local_azure_server, credential.get_token(f"{V1}/.default").token, "aad-func-v1")["appid"] == JOB


CLAIMS = {"claims": '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'}


@pytest.mark.parametrize("endpoint", [{"scope": f"{API}/.default"}, {"version": "", "resource": API}], ids=["v2", "v1"])
def test_token_requested_with_claims_is_new(endpoint, local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    tokens = [
        request_client_token(local_azure_server, **endpoint, **extra).json()["access_token"]
        for extra in ({}, CLAIMS, CLAIMS)
    ]
    assert len({verified(local_azure_server, token)["uti"] for token in tokens}) == 3


def test_azure_identity_gets_a_new_token_with_claims(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    with ClientSecretCredential(
        local_azure_server.directory.tenant_id, JOB, SECRET, disable_instance_discovery=True
    ) as credential:
        first, cached = (credential.get_token(f"{API}/.default").token for _ in range(2))
        new = credential.get_token(f"{API}/.default", claims=CLAIMS["claims"], enable_cae=True).token
    assert first == cached
    assert verified(local_azure_server, first)["uti"] != verified(local_azure_server, new)["uti"]


@pytest.mark.parametrize("claims", ["not JSON", "[]", '"text"', "null", "{", "[" * 50_000])
def test_claims_that_are_not_a_json_object_are_an_error(claims: str, local_azure_server: LocalAzure):
    response = request_client_token(local_azure_server, scope=f"{API}/.default", claims=claims)
    assert (response.status_code, response.json()["error_codes"]) == (400, [50117])


def test_v2_endpoint_returns_numbers_and_v1_endpoint_strings(local_azure_server: LocalAzure):
    v2 = request_client_token(local_azure_server, scope=f"{API}/.default").json()
    assert sorted(v2) == ["access_token", "expires_in", "ext_expires_in", "token_type"]
    assert v2["expires_in"] in (3598, 3599)

    v1 = request_client_token(local_azure_server, version="", resource=API).json()
    names = "access_token expires_in expires_on ext_expires_in not_before resource token_type"
    assert sorted(v1) == names.split()
    assert {type(value) for value in v1.values()} == {str}
    assert v1["resource"] == API


def test_client_can_authenticate_in_the_authorization_header(local_azure_server: LocalAzure):
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": f"{API}/.default"}
    assert requests.post(url, data=form, auth=(JOB, SECRET), timeout=10).status_code == 200
    assert requests.post(url, data=form, auth=(JOB, "guess"), timeout=10).json()["error_codes"] == [7000215]


SCOPE = {"scope": f"{API}/.default"}

REJECTED = [
    ("wrong secret", 401, "invalid_client", 7000215, {**SCOPE, "client_secret": "guess"}),
    ("another client's secret", 401, "invalid_client", 7000215, {**SCOPE, "client_id": API[6:]}),
    ("no secret", 401, "invalid_client", 7000218, {**SCOPE, "client_secret": ""}),
    ("unknown client", 400, "unauthorized_client", 700016, {**SCOPE, "client_id": "nobody"}),
    ("no client", 400, "invalid_request", 900144, {**SCOPE, "client_id": ""}),
    ("no grant type", 400, "invalid_request", 900144, {**SCOPE, "grant_type": ""}),
    ("an unsupported grant type", 400, "unsupported_grant_type", 70003, {**SCOPE, "grant_type": "password"}),
    ("no scope", 400, "invalid_request", 900144, {}),
    ("a scope other than .default", 400, "invalid_scope", 1002012, {"scope": f"{API}/user_impersonation"}),
    ("two scopes, including .default", 400, "invalid_scope", 1002012, {"scope": f"openid {API}/.default"}),
    ("resource at the v2.0 endpoint", 400, "invalid_request", 901002, {"resource": API}),
    ("unknown resource", 400, "invalid_resource", 500011, {"scope": "api://nowhere/.default"}),
    ("assignment required", 400, "invalid_grant", 501051, {"scope": f"{ASSIGNED}/.default"}),
    ("unknown tenant", 400, "invalid_request", 90002, {**SCOPE, "tenant": "elsewhere"}),
    ("unknown resource, v1.0", 400, "invalid_resource", 500011, {"version": "", "resource": "api://nowhere"}),
    ("no resource, v1.0", 400, "invalid_request", 900144, {"version": "", "scope": f"{API}/.default"}),
]


@pytest.mark.parametrize(("why", "status", "error", "code", "form"), REJECTED, ids=[case[0] for case in REJECTED])
def test_token_endpoint_errors_have_entras_codes(why, status, error, code, form, local_azure_server: LocalAzure):
    response = request_client_token(local_azure_server, **form)
    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    names = "correlation_id error error_codes error_description error_uri timestamp trace_id"
    assert sorted(body) == names.split()
