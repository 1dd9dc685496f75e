"""The tenant with real clients: secrets and the token endpoint, metadata, keys, certificates."""

import stat
from pathlib import Path

import certifi
import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, EnvironmentCredential

from local_azure.cloud import LocalAzure
from local_azure.serving.certificates import SETTINGS
from local_azure.tenant.loader import load
from tests.support.clients import become, verified

JOB = "dae00001-c11d-4000-8000-000000000000"
SECRET = "local-only-nightly-job"
API = "api://aad00002-c11d-4000-8000-000000000000"
V1 = "api://aad00001-c11d-4000-8000-000000000000"
ASSIGNED = "api://aad00003-c11d-4000-8000-000000000000"


def ask(azure: LocalAzure, version: str = "v2.0/", tenant: str | None = None, **form: str) -> requests.Response:
    form = {"grant_type": "client_credentials", "client_id": JOB, "client_secret": SECRET, **form}
    url = f"{azure.origin}/{tenant or azure.directory.tenant_id}/oauth2/{version}token"
    return requests.post(url, data={name: value for name, value in form.items() if value}, timeout=10)


def test_a_daemon_gets_a_token_with_its_secret_over_https(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    with ClientSecretCredential(azure.directory.tenant_id, JOB, SECRET, disable_instance_discovery=True) as credential:
        claims = verified(azure, credential.get_token(f"{API}/.default").token)
    assert (claims["azp"], claims["azpacr"], claims["roles"]) == (JOB, "1", ["DoAll"])
    assert claims["exp"] - claims["nbf"] == 3900


def test_the_credential_from_the_environment_needs_no_code_but_one_switch(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    monkeypatch.setenv("AZURE_CLIENT_ID", JOB)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    with EnvironmentCredential(disable_instance_discovery=True) as credential:
        assert verified(azure, credential.get_token(f"{V1}/.default").token, "aad-func-v1")["appid"] == JOB


def test_azure_identity_shows_the_code_of_a_wrong_secret(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    with (
        ClientSecretCredential(azure.directory.tenant_id, JOB, "guess", disable_instance_discovery=True) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret"),
    ):
        credential.get_token(f"{API}/.default")


def test_the_newer_endpoint_answers_in_numbers_and_the_older_in_texts(azure: LocalAzure):
    newer = ask(azure, scope=f"{API}/.default").json()
    assert sorted(newer) == ["access_token", "expires_in", "ext_expires_in", "token_type"]
    assert newer["expires_in"] in (3598, 3599)

    older = ask(azure, version="", resource=API).json()
    names = "access_token expires_in expires_on ext_expires_in not_before resource token_type"
    assert sorted(older) == names.split()
    assert {type(value) for value in older.values()} == {str}
    assert older["resource"] == API


def test_a_client_may_name_itself_in_a_header(azure: LocalAzure):
    url = f"{azure.origin}/{azure.directory.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": f"{API}/.default"}
    assert requests.post(url, data=form, auth=(JOB, SECRET), timeout=10).status_code == 200
    assert requests.post(url, data=form, auth=(JOB, "guess"), timeout=10).json()["error_codes"] == [7000215]


SCOPE = {"scope": f"{API}/.default"}
REFUSED = [
    ("wrong secret", 401, "invalid_client", 7000215, {**SCOPE, "client_secret": "guess"}),
    ("another client's secret", 401, "invalid_client", 7000215, {**SCOPE, "client_id": API[6:]}),
    ("no secret", 401, "invalid_client", 7000218, {**SCOPE, "client_secret": ""}),
    ("unknown client", 400, "unauthorized_client", 700016, {**SCOPE, "client_id": "nobody"}),
    ("no client", 400, "invalid_request", 900144, {**SCOPE, "client_id": ""}),
    ("no grant", 400, "invalid_request", 900144, {**SCOPE, "grant_type": ""}),
    ("a grant that is not there", 400, "unsupported_grant_type", 70003, {**SCOPE, "grant_type": "password"}),
    ("no scope", 400, "invalid_request", 900144, {}),
    ("one scope", 400, "invalid_scope", 1002012, {"scope": f"{API}/user_impersonation"}),
    ("two scopes", 400, "invalid_scope", 1002012, {"scope": f"openid {API}/.default"}),
    ("resource on the newer endpoint", 400, "invalid_request", 901002, {"resource": API}),
    ("unknown resource", 400, "invalid_resource", 500011, {"scope": "api://nowhere/.default"}),
    ("assignment required", 400, "invalid_grant", 501051, {"scope": f"{ASSIGNED}/.default"}),
    ("unknown tenant", 400, "invalid_request", 90002, {**SCOPE, "tenant": "elsewhere"}),
    ("unknown resource, older", 400, "invalid_resource", 500011, {"version": "", "resource": "api://nowhere"}),
    ("no resource, older", 400, "invalid_request", 900144, {"version": "", "scope": f"{API}/.default"}),
]


@pytest.mark.parametrize(("why", "status", "error", "code", "form"), REFUSED, ids=[case[0] for case in REFUSED])
def test_the_token_endpoint_refuses_with_entras_codes(why, status, error, code, form, azure: LocalAzure):
    answer = ask(azure, **form)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    names = "correlation_id error error_codes error_description error_uri timestamp trace_id"
    assert sorted(body) == names.split()


@pytest.mark.parametrize("version", [1, 2])
def test_metadata_and_keys_are_as_entras_over_http_and_https(version: int, azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    tenant = azure.directory.tenant_id
    for origin in (azure.origin, azure.https_origin):
        path = "/v2.0" if version == 2 else ""
        document = requests.get(f"{origin}/{tenant}{path}/.well-known/openid-configuration", timeout=10).json()
        assert document["issuer"] == f"{azure.https_origin}/{tenant}/" + ("v2.0" if version == 2 else "")
        for name in ("jwks_uri", "token_endpoint", "authorization_endpoint"):
            assert document[name].startswith(f"{origin}/{tenant}/")
        for key in requests.get(document["jwks_uri"], timeout=10).json()["keys"]:
            members = "e kid kty n use x5c x5t"
            assert sorted(key) == sorted(members.split() + (["issuer"] if version == 2 else []))


def test_a_forwarded_header_does_not_change_where_the_keys_are(azure: LocalAzure):
    url = f"{azure.origin}/{azure.directory.tenant_id}/v2.0/.well-known/openid-configuration"
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example"}
    assert requests.get(url, headers=forwarded, timeout=10).json() == requests.get(url, timeout=10).json()


def test_keys_and_authority_outlive_a_restart_for_their_owner_only(tmp_path: Path, monkeypatch):
    with LocalAzure(load(), port=0, state=tmp_path) as first:
        environment = first.environment()
        token = ask(first, scope=f"{API}/.default").json()["access_token"]
    port = int(first.https_origin.rpartition(":")[2])
    with LocalAzure(load(), port=0, https_port=port, state=tmp_path) as second:
        become(monkeypatch, second)
        monkeypatch.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
        verified(second, token)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert (modes["signing-keys.pem"], modes["ca.pem"]) == (0o600, 0o600)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_the_bundle_holds_the_public_roots_and_those_that_were_set_before_once_each(tmp_path: Path, monkeypatch):
    company = tmp_path / "company.pem"
    company.write_text("-----BEGIN CERTIFICATE-----\nof the company's proxy\n-----END CERTIFICATE-----\n")
    for name, file in zip(SETTINGS, (company, certifi.where(), company), strict=True):
        monkeypatch.setenv(name, str(file))
    with LocalAzure(load(), port=0, state=tmp_path / "state") as azure:
        bundle = Path(azure.environment()["REQUESTS_CA_BUNDLE"]).read_text()
    assert company.read_text() in bundle
    roots = Path(certifi.where()).read_text().count("BEGIN CERTIFICATE")
    assert bundle.count("BEGIN CERTIFICATE") == roots + 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "corp.example, localhost"}, "corp.example,localhost,127.0.0.1"),
        ({"no_proxy": "low.example", "NO_PROXY": "high.example"}, "low.example,127.0.0.1,localhost"),
    ],
)
def test_local_calls_go_past_a_proxy(before, after, azure: LocalAzure, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    environment = azure.environment()
    assert environment["NO_PROXY"] == environment["no_proxy"] == after


def test_no_private_half_is_published(azure: LocalAzure):
    url = f"{azure.origin}/{azure.directory.tenant_id}/discovery/keys"
    keys = jwt.PyJWKSet.from_dict(requests.get(url, timeout=10).json())
    assert all(key.key.__class__.__name__ == "RSAPublicKey" for key in keys.keys)
