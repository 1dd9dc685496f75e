"""Requests on behalf of a user, end to end: user's token, msi-func, identity, Entra over TLS, aad-func, claims."""

import base64
import concurrent.futures
import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.serving.http_server import BackgroundServer, Listener
from local_azure.serving.ports import bind
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.apps import Host
from tests.support.users import DEVELOPER, GUARDED, MFA, MSI_FUNC, VISITOR, call, settings

AAD_FUNC = "aad00002-c11d-4000-8000-000000000000"
API = "msi-func-api"
PLAIN = 'Bearer realm="api"'


@pytest.fixture(scope="module")
def host(local_azure_server: LocalAzure, aad_host: Host) -> Iterator[Host]:
    with apps.running(msi_settings(local_azure_server, aad_host)) as running:
        yield running


def msi_settings(azure: LocalAzure, aad_host: Host) -> dict[str, str]:
    """Return the settings of a host that runs msi-func only."""
    return {**settings(azure, aad_host.url("aad-func")), "AzureWebJobs.aad_func.Disabled": "true"}


def test_user_with_the_role_is_accepted_as_this_user(
    host: Host, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    response = call(host, local_azure.token(API, user=DEVELOPER))
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["caller"] == {
        "kind": "user",
        "client_id": MSI_FUNC,
        "object_id": local_azure_server.directory.user(DEVELOPER).object_id,
        "tenant_id": local_azure_server.directory.tenant_id,
    }
    assert (body["roles"], body["claims"]["scp"]) == (["DoAll"], "user_impersonation")
    timing = r'token;desc="on behalf of the user";dur=\d+\.\d, aad-func;dur=\d+\.\d'
    assert re.fullmatch(timing, response.headers["Server-Timing"])


def test_user_without_the_role_is_denied_by_aad_func(host: Host, local_azure: LocalTenant):
    response = call(host, local_azure.token(API, user=VISITOR))
    body = response.json()
    assert (response.status_code, body["code"]) == (502, "downstream_error")
    assert (body["downstream"]["status"], body["downstream"]["code"]) == (403, "missing_role")
    assert "to the user" in body["advice"]


def test_request_is_made_as_the_app_without_as_user(host: Host, local_azure: LocalTenant):
    for query in ("", "?as=app", "?as=App"):
        for token in (None, local_azure.token(API, user=VISITOR)):
            assert call(host, token, query).json()["caller"]["kind"] == "application"


@pytest.mark.parametrize("query", ["?as=me", "?as=user,app", "?as=user&auth=0", "?as=user&auth=maybe"])
def test_invalid_value_of_as_is_a_bad_request(query, host: Host, local_azure: LocalTenant):
    response = call(host, local_azure.token(API, user=DEVELOPER), query)
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_required_mfa_is_a_claims_challenge(host: Host, local_azure_server: LocalAzure, local_azure: LocalTenant):
    response = call(host, local_azure.token(API, user=GUARDED))
    assert (response.status_code, response.json()["code"]) == (401, "interaction_required")
    assert response.json()["entra_codes"] == ["AADSTS50076"]
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    tenant = local_azure_server.directory.tenant_id
    assert (parameters["realm"], parameters["error"]) == (tenant, "insufficient_claims")
    assert parameters["authorization_uri"] == f"{local_azure_server.https_origin}/{tenant}/oauth2/v2.0/authorize"
    assert json.loads(base64.b64decode(parameters["claims"], validate=True)) == {
        "access_token": {"capolids": {"essential": True, "values": [local_azure_server.directory.mfa_policies[0].id]}}
    }

    assert call(host, local_azure.token(API, user=GUARDED, claims=MFA)).json()["caller"]["kind"] == "user"


def test_azure_cores_own_client_understands_the_challenge(host: Host, local_azure: LocalTenant):
    """The credential policy of Azure SDKs requests a token with the claims and retries."""

    class SignedIn:
        claims: str | None = None

        def get_token(self, *scopes: str, claims: str | None = None, **options: object) -> AccessToken:
            self.claims = claims or self.claims
            return AccessToken(local_azure.token(API, user=GUARDED, claims=MFA if claims else None), 9_000_000_000)

    user = SignedIn()
    policy = BearerTokenCredentialPolicy(user, f"api://{MSI_FUNC}/.default")
    with PipelineClient(host.origin, per_retry_policies=[policy]) as client:
        request = HttpRequest("GET", host.url("msi-func") + "?as=user")
        response = client.send_request(request, enforce_https=False)
    assert response.status_code == 200
    assert json.loads(user.claims or "")["access_token"]["capolids"]["essential"]


def test_request_as_user_requires_a_users_token(host: Host, local_azure: LocalTenant):
    app_only, id_token = local_azure.token(API), local_azure.token(API, user=DEVELOPER, scopes=[])
    for response in (call(host), call(host, app_only), call(host, id_token), call(host, Authorization="Basic eDp5")):
        assert (response.status_code, response.json()["code"]) == (401, "user_token_required")
        assert response.headers["WWW-Authenticate"] == PLAIN


INVALID_TOKENS = [
    ("expired", "user_token_expired", {"expired": True}),
    ("for another API", "user_token_wrong_audience", {"claims": {"aud": AAD_FUNC}}),
    ("by another issuer", "user_token_rejected", {"claims": {"iss": "https://elsewhere.example/v2.0"}}),
    ("of another tenant", "user_token_rejected", {"claims": {"tid": "10ca1000-0000-4000-8000-00000000000f"}}),
    ("not valid yet", "user_token_expired", {"not_before": 3600}),
    ("of an application that claims to be a user's", "user_token_required", {"claims": {"idtyp": "app"}}),
    ("without an expiry", "malformed_token", {"claims": {"exp": None}}),
    ("with a string as expiry", "malformed_token", {"claims": {"exp": "9000000000"}}),
]


@pytest.mark.parametrize(("why", "code", "defect"), INVALID_TOKENS, ids=[case[0] for case in INVALID_TOKENS])
def test_invalid_user_token_is_rejected(why, code, defect, host: Host, local_azure: LocalTenant):
    response = call(host, local_azure.token(API, user=DEVELOPER, **defect))
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"].startswith(PLAIN)


def test_token_with_another_signature_is_not_accepted_from_the_cache(host: Host, local_azure: LocalTenant):
    valid, other = (local_azure.token(API, user=DEVELOPER) for _ in range(2))
    assert call(host, valid).status_code == 200
    forged = valid.rpartition(".")[0] + "." + other.rpartition(".")[2]
    assert call(host, forged).json()["code"] == "user_token_rejected"
    assert call(host, valid).status_code == 200


def test_concurrent_users_are_accepted_as_themselves(
    local_azure_server: LocalAzure, local_azure: LocalTenant, aad_host: Host
):
    """One token request per user, and no user gets the token of another."""
    mine = {
        local_azure_server.directory.user(name).object_id: local_azure.token(API, user=name, claims=MFA)
        for name in (DEVELOPER, GUARDED)
    }
    with (
        apps.running(msi_settings(local_azure_server, aad_host)) as running,
        concurrent.futures.ThreadPoolExecutor(32) as pool,
    ):
        calls = [(who, pool.submit(call, running, token)) for _ in range(16) for who, token in mine.items()]
        responses = [(who, response.result().json()) for who, response in calls]
    assert all(body["caller"]["object_id"] == who for who, body in responses)
    assert local_azure.requests["token"] == len(mine)


def test_users_token_is_used_behind_easy_auth(host: Host, local_azure_server: LocalAzure, local_azure: LocalTenant):
    """Easy Auth forwards Authorization, the only authentication header that msi-func reads."""
    api = local_azure_server.directory.application("msi-func-api")
    listener = bind(0)
    front = replace(host, origin=f"http://127.0.0.1:{listener.getsockname()[1]}")
    keys = JwksClient(local_azure_server.origin, local_azure_server.directory.tenant_id, api.token_version)
    with BackgroundServer(EasyAuthProxy(host.origin, api, keys), [Listener(listener)]):
        assert call(front, local_azure.token(API, user=DEVELOPER)).json()["caller"]["kind"] == "user"
        assert call(front).status_code == 401


def test_no_token_is_logged_at_debug_level(local_azure_server: LocalAzure, local_azure: LocalTenant, aad_host: Host):
    valid = local_azure.token(API, user=DEVELOPER)
    sent = [
        valid,
        local_azure.token(API, user=GUARDED),
        valid[:-4] + "AAAA",
        local_azure.token("aad-func", user=DEVELOPER),
    ]
    with apps.running(msi_settings(local_azure_server, aad_host), verbose=True) as running:
        statuses = [call(running, token).status_code for token in sent]
        printed = running.printed
    assert statuses == [200, 401, 401, 401]
    assert "OnBehalfOfCredential" in printed
    assert "eyJ" not in printed
    assert not any(part in printed for token in sent for part in token.split("."))
