"""Requests as the app, end to end: identity, token, msi-func, aad-func, claims."""

import concurrent.futures
import re
from pathlib import Path

import pytest
import requests

from bench.cold_start import first_call
from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import encode
from tests.support.scripted import Scripted, as_json

SECONDS = 30


def get(url: str, token: str | None = None, **headers: str) -> requests.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return requests.get(url, headers=headers, timeout=SECONDS)


def test_response_contains_the_managed_identitys_claims(msi_host: Host, local_azure_server: LocalAzure):
    response = get(msi_host.url("msi-func"))

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(
        r'token;desc="managed identity";dur=\d+\.\d, aad-func;dur=\d+\.\d', response.headers["Server-Timing"]
    )
    body = response.json()
    tenant = local_azure_server.directory.tenant_id
    identity = local_azure_server.directory.site("msi-func").identities[0]
    assert body["authenticated_by"] == "bearer_token"
    assert body["caller"] == {
        "kind": "application",
        "client_id": identity.client_id,
        "object_id": identity.object_id,
        "tenant_id": tenant,
    }
    assert body["roles"] == ["DoAll"]
    wanted = {
        "aud": local_azure_server.directory.application("aad-func").client_id,
        "iss": f"{local_azure_server.https_origin}/{tenant}/v2.0",
        "azp": identity.client_id,
        "oid": identity.object_id,
        "tid": tenant,
        "roles": ["DoAll"],
        "ver": "2.0",
    }
    assert wanted.items() <= body["claims"].items()


def test_version_1_registration_works(local_azure_server: LocalAzure):
    settings = apps.aad_settings(local_azure_server, "aad-func-v1")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/aad-func"
    with apps.running({**settings, **apps.msi_settings(local_azure_server, url, api="aad-func-v1")}, port=port) as host:
        body = get(host.url("msi-func")).json()
    tenant = local_azure_server.directory.tenant_id
    wanted = {
        "ver": "1.0",
        "iss": f"{local_azure_server.https_origin}/{tenant}/",
        "aud": f"api://{settings['AAD_FUNC_CLIENT_ID']}",
    }
    assert wanted.items() <= body["claims"].items()
    assert body["caller"]["client_id"] == body["claims"]["appid"]


def test_identity_without_the_role_is_rejected_by_aad_func(local_azure_server: LocalAzure, aad_host: Host):
    with apps.running(
        apps.msi_settings(local_azure_server, aad_host.url("aad-func"), site="msi-func/slots/staging")
    ) as host:
        response = get(host.url("msi-func"))
    assert response.status_code == 502
    body = response.json()
    assert (body["code"], body["downstream"]["status"]) == ("downstream_error", 403)
    assert (body["downstream"]["code"], body["downstream"]["required_roles"]) == ("missing_role", ["DoAll"])
    assert "24 hours" in body["advice"]


def test_request_without_a_token_is_401(msi_host: Host, aad_host: Host):
    body = get(msi_host.url("msi-func") + "?auth=0").json()
    assert (body["status"], body["code"]) == (502, "downstream_error")
    assert (body["downstream"]["status"], body["downstream"]["code"]) == (401, "missing_token")

    direct = get(aad_host.url("aad-func"))
    assert direct.status_code == 401
    assert direct.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert direct.headers["Content-Type"] == "application/problem+json"


REFUSED = [
    ("signed by a key of somebody else's", "bad_signature", {"wrong_key": True}),
    ("expired", "token_expired", {"expired": True}),
    ("not valid yet", "token_not_yet_valid", {"not_before": 3600}),
    ("for another API", "wrong_audience", {"claims": {"aud": "aad00003-c11d-4000-8000-000000000000"}}),
    (
        "of another tenant, by its issuer",
        "wrong_issuer",
        {"claims": {"iss": "https://login.microsoftonline.com/x/v2.0"}},
    ),
    ("of another tenant, by its tid", "wrong_tenant", {"claims": {"tid": "10ca1000-0000-4000-8000-00000000000f"}}),
    ("without roles", "missing_role", {"roles": []}),
]


@pytest.mark.parametrize(("why", "code", "defect"), REFUSED, ids=[case[0] for case in REFUSED])
def test_invalid_token_is_rejected(why, code, defect, aad_host: Host, local_azure: LocalTenant):
    response = get(aad_host.url("aad-func"), local_azure.token("aad-func", **defect))
    assert response.json()["code"] == code
    assert response.status_code == (403 if code == "missing_role" else 401)
    error = "insufficient_scope" if code == "missing_role" else "invalid_token"
    assert f'error="{error}"' in response.headers["WWW-Authenticate"]


def test_easy_auth_headers_from_a_client_are_ignored(aad_host: Host, local_azure: LocalTenant):
    forged = {
        "X-MS-CLIENT-PRINCIPAL": encode({"auth_typ": "aad", "claims": [{"typ": "roles", "val": "DoAll"}]}),
        "X-MS-CLIENT-PRINCIPAL-ID": "forged",
        "X-MS-CLIENT-PRINCIPAL-NAME": "forged",
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }
    url = aad_host.url("aad-func")
    assert get(url, **forged).json()["code"] == "missing_token"
    token = local_azure.token("aad-func")
    assert get(url, token, **forged).json() == get(url, token).json()


def test_host_starts_without_settings_and_responses_name_the_missing_ones():
    with apps.running({}) as host:
        msi, aad = get(host.url("msi-func")), get(host.url("aad-func"))
    assert (msi.status_code, msi.json()["code"]) == (500, "misconfigured")
    assert msi.json()["settings"] == ["AAD_FUNC_URL", "AAD_FUNC_SCOPE"]
    assert (aad.status_code, aad.json()["code"]) == (500, "misconfigured")
    assert aad.json()["settings"] == ["ENTRA_TENANT_ID", "AAD_FUNC_CLIENT_ID"]


def test_app_published_without_its_packages_names_a_missing_one(
    local_azure_server: LocalAzure, local_azure: LocalTenant, tmp_path: Path
):
    for package in ("jwt", "requests"):
        (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('no {package}', name='{package}')")
    settings = {**apps.aad_settings(local_azure_server), **apps.msi_settings(local_azure_server, "http://127.0.0.1:9/")}
    with apps.running({**settings, "PYTHONPATH": str(tmp_path)}, measured=True) as host:
        msi, aad = get(host.url("msi-func")), get(host.url("aad-func"), local_azure.token("aad-func"))
    for response, package in ((msi, "requests"), (aad, "jwt")):
        said = response.json()
        assert (response.status_code, said["code"], said["package"]) == (500, "misconfigured", package)
        assert "requirements.txt" in said["detail"]


def test_64_concurrent_requests_to_one_host_cause_one_token_request(local_azure_server: LocalAzure, caplog):
    port = free_port()
    settings = {
        **apps.aad_settings(local_azure_server),
        **apps.msi_settings(local_azure_server, f"http://127.0.0.1:{port}/api/aad-func"),
    }
    with (
        caplog.at_level("INFO", logger="local_azure"),
        apps.running(settings, port=port) as host,
        concurrent.futures.ThreadPoolExecutor(64) as pool,
    ):
        responses = list(pool.map(lambda _: get(host.url("msi-func")), range(64)))
    assert [response.status_code for response in responses] == [200] * 64
    assert len([line for line in caplog.messages if line.startswith("msi-func: token for")]) == 1


AUTH = [
    ("", 200),
    ("?auth=1", 200),
    ("?auth=true", 200),
    ("?auth=", 200),  # The host drops empty values.
    ("?other=1", 200),
    ("?auth=0", 502),
    ("?auth=False", 502),
    ("?auth=no", 400),
    ("?auth=2", 400),
    ("?auth=0&auth=1", 400),
]


@pytest.mark.parametrize(("query", "status"), AUTH)
def test_auth_parameter_decides_whether_a_token_is_sent(query, status, msi_host: Host):
    response = get(msi_host.url("msi-func") + query)
    assert response.status_code == status
    if status == 400:
        assert response.json()["code"] == "bad_request"


def test_methods_other_than_get_are_404(msi_host: Host, aad_host: Host):
    for url in (msi_host.url("msi-func"), aad_host.url("aad-func")):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            assert requests.request(method, url, timeout=SECONDS).status_code == 404


def test_disabled_function_is_404(msi_host: Host, aad_host: Host):
    assert get(msi_host.url("aad-func")).status_code == 404
    assert get(aad_host.url("msi-func")).status_code == 404


def test_trace_headers_are_forwarded(local_azure_server: LocalAzure):
    trace = "0af7651916cd43dd8448eb211c80319c"
    with (
        Scripted(lambda request: as_json(200, {})) as api,
        apps.running(apps.msi_settings(local_azure_server, api.origin)) as host,
    ):
        # On a busy machine, the identity endpoint can exceed msi-func's time limits, which prevents the request.
        for _ in range(3):
            response = get(host.url("msi-func"), traceparent=f"00-{trace}-b7ad6b7169203331-01", tracestate="a=1")
            if response.status_code == 200:
                break
    assert response.status_code == 200, response.text
    assert api.requests[0].headers["traceparent"].split("-")[1] == trace
    assert api.requests[0].headers["tracestate"] == "a=1"


def test_no_token_is_logged_at_debug_level(local_azure_server: LocalAzure, local_azure: LocalTenant):
    port, token = free_port(), local_azure.token("aad-func")
    settings = {
        **apps.aad_settings(local_azure_server),
        **apps.msi_settings(local_azure_server, f"http://127.0.0.1:{port}/api/aad-func"),
    }
    with apps.running(settings, port=port, verbose=True) as host:
        assert get(host.url("msi-func")).status_code == 200
        for sent in (token, token[:-4], f"{token}.{token}", token + "=" * 20_000):
            get(host.url("aad-func"), sent)
        printed = host.printed
    assert "Executed msi_func: 200" in printed
    assert "ManagedIdentityCredential" in printed  # a log line of azure-identity
    assert "eyJ" not in printed
    assert not any(part in printed for part in token.split("."))


LIBRARIES = [
    ("msi_func", ("aad_func",)),
    ("aad_func", ("msi_func", "aiohttp", "azure.identity", "msal")),
]


@pytest.mark.parametrize(("function", "others"), LIBRARIES)
def test_deployed_app_does_not_load_the_other_function(
    function, others, local_azure_server: LocalAzure, aad_host: Host, local_azure: LocalTenant
):
    disabled = next(name for name in ("msi_func", "aad_func") if name != function)
    settings = {
        **apps.aad_settings(local_azure_server),
        **apps.msi_settings(local_azure_server, aad_host.url("aad-func")),
    }
    settings[f"AzureWebJobs_{disabled}_Disabled"] = "true"
    called = first_call(function, settings, token=local_azure.token("aad-func"))
    assert function in called["modules"]
    assert not set(others) & set(called["modules"])


def test_repeated_requests_return_the_claims_of_their_own_token(aad_host: Host, local_azure: LocalTenant):
    roles = ["Zebra", "DoAll", "Ant"]
    tokens = {n: local_azure.token("aad-func", roles=roles, claims={"number": n}) for n in range(3)}
    for number, token in [*tokens.items(), *tokens.items()]:
        body = get(aad_host.url("aad-func"), token).json()
        assert body["claims"]["number"] == number
        assert body["claims"]["roles"] == ["Zebra", "DoAll", "Ant"]
        assert body["roles"] == ["Ant", "DoAll", "Zebra"]
