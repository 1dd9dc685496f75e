"""Assertions of users and managed identities: success with azure-identity, and each error."""

import json
from dataclasses import replace
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential, OnBehalfOfCredential

from local_azure.cloud import LocalAzure
from local_azure.tenant.principals import FederatedCredential
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.forge import GONE, Forge
from tests.support.tenant_requests import API, ASSIGNED, V1
from tests.support.users import DEVELOPER, GUARDED, IDENTITY, MFA, MSI_FUNC, VISITOR

IDENTITY_OBJECT = "1de00003-0b1d-4000-8000-000000000000"

EXCHANGE = "api://AzureADTokenExchange/.default"

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def credential(azure: LocalAzure, assertion: str) -> OnBehalfOfCredential:
    identity = ManagedIdentityCredential(client_id=IDENTITY)
    return OnBehalfOfCredential(
        azure.directory.tenant_id,
        MSI_FUNC,
        client_assertion_func=lambda: identity.get_token(EXCHANGE).token,
        user_assertion=assertion,
        authority=azure.https_origin,
        disable_instance_discovery=True,
    )


@pytest.mark.parametrize(("user", "roles"), [(DEVELOPER, ["DoAll"]), (VISITOR, None)])
def test_on_behalf_of_credential_gets_a_users_token_over_https(
    user, roles, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.environment()
    assertion = local_azure.token("msi-func-api", user=user)
    token = credential(local_azure_server, assertion).get_token(f"{API}/.default").token
    claims = verified(local_azure_server, token)
    assert (claims["azp"], claims["azpacr"], claims["scp"]) == (MSI_FUNC, "2", "user_impersonation")
    assert claims["oid"] == local_azure_server.directory.user(user).object_id != claims["sub"]
    assert claims.get("roles") == roles
    assert "idtyp" not in claims


def test_missing_second_factor_is_a_claims_challenge(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    with pytest.raises(ClientAuthenticationError) as caught:
        credential(local_azure_server, local_azure.token("msi-func-api", user=GUARDED)).get_token(f"{API}/.default")
    body = json.loads(caught.value.response.text())
    assert (body["error"], body["error_codes"]) == ("interaction_required", [50076])
    policy = local_azure_server.directory.mfa_policies[0]
    assert json.loads(body["claims"]) == {"access_token": {"capolids": {"essential": True, "values": [policy.id]}}}

    assertion = local_azure.token("msi-func-api", user=GUARDED, claims=MFA)
    again = credential(local_azure_server, assertion).get_token(f"{API}/.default")
    assert verified(local_azure_server, again.token)["amr"] == ["pwd", "mfa"]


class Exchange:
    """On-behalf-of requests that are valid except for a test's changes."""

    def __init__(self, azure: LocalAzure) -> None:
        self.azure = azure
        self._user, self._client = Forge(azure, "msi-func-api"), Forge(azure, "AAD Token Exchange")

    def user(self, **changes: Any) -> str:
        return self._user.token(user=True, **changes)

    def client(self, **changes: Any) -> str:
        return self._client.token(**{"oid": IDENTITY_OBJECT, "sub": IDENTITY_OBJECT, "roles": GONE, **changes})

    def send(self, **changes: str | None) -> requests.Response:
        form = {
            "grant_type": JWT_BEARER,
            "client_id": MSI_FUNC,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.client(),
            "assertion": self.user(),
            "requested_token_use": "on_behalf_of",
            "scope": f"{API}/.default offline_access openid profile",
            **changes,
        }
        url = f"{self.azure.origin}/{self.azure.directory.tenant_id}/oauth2/v2.0/token"
        return requests.post(url, data={name: value for name, value in form.items() if value}, timeout=10)


@pytest.fixture
def exchange(local_azure_server: LocalAzure) -> Exchange:
    return Exchange(local_azure_server)


def test_response_lists_the_granted_scopes(exchange: Exchange):
    body = exchange.send().json()
    assert sorted(body) == ["access_token", "expires_in", "ext_expires_in", "scope", "token_type"]
    assert body["scope"] == f"{API}/user_impersonation"
    assert exchange.send(scope=f"{API}/user_impersonation").json()["scope"] == body["scope"]


def test_token_requested_with_claims_is_new(exchange: Exchange, local_azure: LocalTenant):
    local_azure.environment()
    claims = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
    tokens = [exchange.send(claims=value).json()["access_token"] for value in (None, claims, claims)]
    assert len({verified(exchange.azure, token)["uti"] for token in tokens}) == 3


PAST = {"exp": 1_700_000_000}

FUTURE = {"nbf": 9_000_000_000}

REJECTED = [
    ("no assertion", 900144, {"assertion": None}),
    ("no requested_token_use", 900144, {"requested_token_use": None}),
    ("another requested_token_use", 90023, {"requested_token_use": "other"}),
    ("no client", 900144, {"client_id": None}),
    ("unknown client", 700016, {"client_id": "nobody"}),
    ("no credential", 7000218, {"client_assertion": None}),
    ("no client_assertion_type", 900144, {"client_assertion_type": None}),
    ("another client_assertion_type", 90023, {"client_assertion_type": "saml"}),
    ("no scope", 900144, {"scope": None}),
    ("claims that are not a JSON object", 50117, {"claims": "[]"}),
    ("scopes of two APIs", 70011, {"scope": f"{API}/.default {V1}/.default"}),
    ("an unknown API", 500011, {"scope": "api://nowhere/.default"}),
    ("an unknown scope", 650053, {"scope": f"{API}/other"}),
    ("no consent", 65001, {"scope": f"{V1}/.default"}),
    ("no consent to the scope", 65001, {"scope": f"{V1}/user_impersonation"}),
    ("assignment required", 50105, {"scope": f"{ASSIGNED}/.default"}),
    ("client assertion: not a token", 50027, {"client_assertion": "no.token.atall"}),
    (
        "client assertion: a client that does not trust the identity",
        700211,
        {"client_id": "dae00001-c11d-4000-8000-000000000000"},
    ),
    ("client assertion: another issuer", 700211, {"client_assertion": {"iss": "https://elsewhere.example/v2.0"}}),
    ("client assertion: another subject", 700213, {"client_assertion": {"sub": "other", "oid": "other"}}),
    ("client assertion: another audience", 700212, {"client_assertion": {"aud": API[6:]}}),
    ("client assertion: expired", 700024, {"client_assertion": PAST}),
    ("client assertion: not valid yet", 700024, {"client_assertion": FUTURE}),
    ("client assertion: a user's token", 700229, {"client_assertion": {"scp": "user_impersonation"}}),
    ("user assertion: not a token", 50027, {"assertion": "no.token.atall"}),
    ("user assertion: another issuer", 50013, {"assertion": {"iss": "https://elsewhere.example/v2.0"}}),
    ("user assertion: another audience", 500131, {"assertion": {"aud": API[6:]}}),
    ("user assertion: expired", 500133, {"assertion": PAST}),
    ("user assertion: not valid yet", 500133, {"assertion": FUTURE}),
    ("user assertion: an application's token", 7000114, {"assertion": {"scp": GONE, "oid": "app", "sub": "app"}}),
    ("user assertion: an ID token", 50013, {"assertion": {"scp": GONE}}),
    ("user assertion: an unknown user's token", 50013, {"assertion": {"oid": "ghost"}}),
]


@pytest.mark.parametrize(("why", "code", "changes"), REJECTED, ids=[case[0] for case in REJECTED])
def test_on_behalf_of_errors_have_entras_codes(why, code, changes, exchange: Exchange):
    made = {"assertion": exchange.user, "client_assertion": exchange.client}
    form = {name: made[name](**value) if isinstance(value, dict) else value for name, value in changes.items()}
    response = exchange.send(**form)
    body = response.json()
    assert body["error_codes"] == [code]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert response.status_code == (401 if body["error"] == "invalid_client" else 400)


@pytest.mark.parametrize(("which", "code"), [("assertion", 50013), ("client_assertion", 700027)])
def test_tampered_assertion_is_rejected(which, code, exchange: Exchange):
    made = {"assertion": exchange.user, "client_assertion": exchange.client}[which]
    changed = made().rpartition(".")[0] + "." + made(uti="other").rpartition(".")[2]
    assert exchange.send(**{which: changed}).json()["error_codes"] == [code]


def trusting(**changes: str) -> FederatedCredential:
    trusted = {"issuer": None, "subject": IDENTITY_OBJECT, "audience": "api://AzureADTokenExchange", **changes}
    return FederatedCredential("test", **trusted)


OTHERS = [
    ("issuer", "https://login.microsoftonline.com/10ca1000-0000-4000-8000-000000000000/v2.0", 700211),
    ("subject", IDENTITY, 700213),
    ("subject", IDENTITY_OBJECT.upper(), 700213),
    ("audience", "api://AzureADTokenExchangeUSGov", 700212),
]


@pytest.mark.parametrize(("member", "value", "code"), OTHERS)
def test_federated_credentials_are_compared_case_sensitively(member, value, code, exchange: Exchange, monkeypatch):
    client = exchange.azure.directory.application("msi-func-api")
    others = [app for app in exchange.azure.directory.applications if app is not client]

    def trusts(credential: FederatedCredential) -> None:
        changed = replace(client, federated_credentials=(credential,))
        monkeypatch.setattr(exchange.azure.directory, "applications", (*others, changed))

    trusts(trusting())
    assert exchange.send().status_code == 200
    trusts(trusting(**{member: value}))
    assert exchange.send().json()["error_codes"] == [code]


def test_v1_endpoint_rejects_the_on_behalf_of_grant(local_azure_server: LocalAzure):
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/oauth2/token"
    assert requests.post(url, data={"grant_type": JWT_BEARER}, timeout=10).json()["error_codes"] == [70003]
