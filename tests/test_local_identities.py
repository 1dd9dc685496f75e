"""Managed identity with Azure's own clients: App Service endpoint, IMDS, and the back end that keeps tokens."""

from collections.abc import Iterator
from pathlib import Path

import msal
import pytest
import requests
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential

from local_azure.cloud import LocalAzure
from local_azure.entra.errors import TokenRequestError
from local_azure.managed_identity import app_service
from local_azure.tenant.grants import Assignment
from local_azure.tenant.loader import load
from tests.support.clients import become, verified

API = "api://aad00002-c11d-4000-8000-000000000000"
SCOPE = f"{API}/.default"
V1 = "api://aad00001-c11d-4000-8000-000000000000"
ASSIGNED = "api://aad00003-c11d-4000-8000-000000000000"

SYSTEM = load().site("msi-func").identities[0]
SHARED = load().site("msi-func").identities[1]

IDENTITIES = [
    ("system-assigned", {}, SYSTEM),
    ("by client id", {"client_id": SHARED.client_id}, SHARED),
    ("by object id", {"identity_config": {"object_id": SHARED.object_id}}, SHARED),
    ("by resource id", {"identity_config": {"resource_id": SHARED.resource_id}}, SHARED),
]


@pytest.fixture
def fresh(state: Path) -> Iterator[LocalAzure]:
    """A tenant for tests that change it."""
    with LocalAzure(load(), port=0, state=state) as running:
        yield running


def assign(azure: LocalAzure, principal_id: str) -> None:
    api = azure.directory.application("aad-func")
    azure.directory.assignments.append(Assignment(principal_id, api.object_id, api.role("DoAll").id))


def endpoint(azure: LocalAzure, site: str = "msi-func", secret: str | None = None, **query: str) -> requests.Response:
    settings = azure.environment(site)
    query = {"api-version": "2019-08-01", "resource": API, **query}
    headers = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"] if secret is None else secret}
    return requests.get(settings["IDENTITY_ENDPOINT"], params=query, headers=headers, timeout=10)


def imds(azure: LocalAzure, headers: dict[str, str] | None = None, slash: str = "", **query: str) -> requests.Response:
    url = f"{azure.origin}/metadata/identity/oauth2/token{slash}"
    query = {"api-version": "2018-02-01", "resource": API, **query}
    headers = {"Metadata": "true"} if headers is None else headers
    return requests.get(url, params=query, headers=headers, timeout=10, allow_redirects=False)


@pytest.mark.parametrize(("how", "arguments", "identity"), IDENTITIES, ids=[case[0] for case in IDENTITIES])
@pytest.mark.parametrize("on_a_machine", [False, True], ids=["App Service", "IMDS"])
def test_azure_identity_gets_the_token_of_the_identity_that_it_names(
    how, arguments, identity, on_a_machine, azure: LocalAzure, monkeypatch
):
    become(monkeypatch, azure, imds=on_a_machine)
    with ManagedIdentityCredential(**arguments) as credential:
        claims = verified(azure, credential.get_token(SCOPE).token)
    assert (claims["oid"], claims["sub"], claims["azp"]) == (identity.object_id,) * 2 + (identity.client_id,)
    assert claims.get("roles") == (["DoAll"] if identity is SYSTEM else None)


@pytest.mark.parametrize("on_a_machine", [False, True], ids=["App Service", "IMDS"])
def test_the_default_credential_finds_the_managed_identity(on_a_machine, azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure, imds=on_a_machine)
    with DefaultAzureCredential() as credential:
        claims = verified(azure, credential.get_token(SCOPE).token)
    assert claims["oid"] == SYSTEM.object_id


def test_msals_managed_identity_client_gets_a_token(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(object_id=SHARED.object_id), http_client=session
        )
        answer = client.acquire_token_for_client(resource=API)
    assert verified(azure, answer["access_token"])["oid"] == SHARED.object_id


def test_a_slot_is_an_identity_of_its_own(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure, "msi-func/slots/staging")
    with ManagedIdentityCredential() as credential:
        claims = verified(azure, credential.get_token(SCOPE).token)
    assert claims["oid"] == azure.directory.site("msi-func/slots/staging").identities[0].object_id
    assert "roles" not in claims


def test_a_version_2_token_has_these_claims_and_this_lifetime(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    claims = verified(azure, endpoint(azure).json()["access_token"])
    names = "aud iss iat nbf exp aio azp azpacr idtyp oid rh roles sub tid uti ver"
    assert sorted(claims) == sorted(names.split())
    assert (claims["aud"], claims["ver"], claims["azpacr"], claims["idtyp"]) == (API[6:], "2.0", "2", "app")
    assert claims["exp"] - claims["nbf"] == 86_700
    assert claims["iat"] == claims["nbf"]


def test_a_version_1_token_has_these_claims_and_the_audience_as_asked_for(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    for resource in (V1, V1[6:], V1.upper().replace("API://", "api://")):
        claims = verified_v1(azure, endpoint(azure, resource=resource).json()["access_token"], resource)
        names = "aud iss iat nbf exp aio appid appidacr idp oid rh roles sub tid uti ver"
        assert sorted(claims) == sorted(names.split())
        assert (claims["aud"], claims["ver"], claims["idp"]) == (resource, "1.0", claims["iss"])


def verified_v1(azure: LocalAzure, token: str, audience: str) -> dict:
    import jwt

    assert "x5t" in jwt.get_unverified_header(token)
    key = azure.keys.current.private.public_key()
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=azure.issuer.issuer(1))


def test_the_endpoint_answers_in_the_platforms_shape(azure: LocalAzure):
    body = endpoint(azure, principal_id=SHARED.object_id.upper()).json()
    assert sorted(body) == ["access_token", "client_id", "expires_on", "resource", "token_type"]
    assert isinstance(body["expires_on"], str)
    assert (body["resource"], body["token_type"], body["client_id"]) == (API, "Bearer", SHARED.client_id)


ERRORS = [
    ("unknown identity", {"client_id": "10ca1000-0000-4000-8000-00000000000f"}, 400, app_service.NO_IDENTITY),
    (
        "two selectors",
        {"client_id": SHARED.client_id, "mi_res_id": SHARED.resource_id},
        400,
        app_service.NO_IDENTITY,
    ),
    ("a site without an identity", {"site": "aad-func"}, 400, app_service.NO_IDENTITY),
    ("unknown resource", {"resource": "api://nowhere"}, 500, app_service.NO_TOKEN),
    ("a scope as resource", {"resource": f"{API}/user_impersonation"}, 500, app_service.NO_TOKEN),
    ("assignment required", {"resource": ASSIGNED, "client_id": SHARED.client_id}, 500, app_service.NO_TOKEN),
    ("no resource", {"resource": ""}, 400, "The resource parameter is missing."),
    ("another protocol", {"api-version": "2017-09-01"}, 400, "The api-version parameter must be 2019-08-01."),
    ("no secret", {"secret": ""}, 401, "The X-IDENTITY-HEADER header is missing or invalid."),
    ("another's secret", {"secret": "guess"}, 401, "The X-IDENTITY-HEADER header is missing or invalid."),
]


@pytest.mark.parametrize(("why", "query", "status", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_the_endpoint_refuses_as_the_platform_does(why, query, status, message, azure: LocalAzure):
    answer = endpoint(azure, **query)
    assert (answer.status_code, answer.json()["statusCode"], answer.json()["message"]) == (status, status, message)
    assert answer.json()["correlationId"]


def test_azure_identity_shows_the_endpoints_words(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure, "aad-func")
    with ManagedIdentityCredential() as credential, pytest.raises(CredentialUnavailableError) as caught:
        credential.get_token(SCOPE)
    assert f"400, {app_service.NO_IDENTITY}" in str(caught.value)


def test_an_identity_with_the_role_gets_in_where_assignment_is_required(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    token = endpoint(azure, resource=ASSIGNED).json()["access_token"]
    assert verified(azure, token, "aad-func-assigned")["roles"] == ["DoAll"]


def test_imds_answers_in_texts_with_and_without_a_slash(azure: LocalAzure):
    for slash in ("", "/"):
        body = imds(azure, slash=slash).json()
        names = "access_token expires_in expires_on not_before refresh_token resource token_type"
        assert sorted(body) == names.split()
        assert {type(value) for value in body.values()} == {str}
        assert int(body["expires_on"]) - int(body["not_before"]) == 86_700


IMDS_ERRORS = [
    ("without the header", {"headers": {}}, "bad_request_102", "Required metadata header not specified"),
    ("header not true", {"headers": {"Metadata": "1"}}, "bad_request_102", "Required metadata header not specified"),
    ("unknown resource", {"resource": "api://nowhere"}, "invalid_resource", "AADSTS50001: "),
    ("unknown identity", {"client_id": "nobody"}, "invalid_request", "Identity not found"),
    ("no resource", {"resource": ""}, "invalid_request", "Required query variable 'resource' is missing"),
    ("not assigned", {"resource": ASSIGNED, "client_id": SHARED.client_id}, "invalid_grant", "AADSTS501051: "),
]


@pytest.mark.parametrize(("why", "query", "error", "description"), IMDS_ERRORS, ids=[case[0] for case in IMDS_ERRORS])
def test_imds_refuses_in_oauths_shape(why, query, error, description, azure: LocalAzure):
    answer = imds(azure, **query)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"].startswith(description)


def test_a_token_is_kept_per_identity_and_exact_resource(fresh: LocalAzure, monkeypatch):
    become(monkeypatch, fresh)
    shared = {"client_id": SHARED.client_id}
    first = endpoint(fresh, **shared).json()["access_token"]
    assign(fresh, SHARED.object_id)

    assert endpoint(fresh, **shared).json()["access_token"] == first
    assert imds(fresh, **shared).json()["access_token"] == first
    assert "roles" not in verified(fresh, first)
    # Another spelling of the same resource is another token, and so is another identity.
    for query in ({**shared, "resource": API.upper().replace("API://", "api://")}, {}):
        assert verified(fresh, endpoint(fresh, **query).json()["access_token"])["roles"] == ["DoAll"]

    assert fresh.token_cache.clear() == 3
    assert verified(fresh, endpoint(fresh, **shared).json()["access_token"])["roles"] == ["DoAll"]


def test_a_kept_token_is_renewed_before_its_last_five_minutes(fresh: LocalAzure, monkeypatch):
    first, now = endpoint(fresh).json(), fresh.issuer.clock()
    monkeypatch.setattr(fresh.issuer, "clock", lambda: now + 86_400 - 302)
    assert endpoint(fresh).json() == first
    monkeypatch.setattr(fresh.issuer, "clock", lambda: now + 86_400 - 298)
    assert endpoint(fresh).json() != first


def test_without_the_cache_a_role_is_seen_at_once(state: Path, monkeypatch):
    with LocalAzure(load(), port=0, state=state, cache_tokens=False) as azure:
        become(monkeypatch, azure)
        for roles in (None, ["DoAll"]):
            token = endpoint(azure, client_id=SHARED.client_id).json()["access_token"]
            assert verified(azure, token).get("roles") == roles
            assign(azure, SHARED.object_id)


def test_a_line_is_logged_for_each_token_and_never_the_token(fresh: LocalAzure, caplog):
    refused = TokenRequestError(500011, resource="api://nowhere", tenant="Local tenant").text
    with caplog.at_level("INFO", logger="local_azure"):
        tokens = [endpoint(fresh).json()["access_token"] for _ in range(2)]
        endpoint(fresh, resource="api://nowhere")
    assert caplog.messages == [
        f"msi-func: token for {API}, roles: DoAll (new)",
        f"msi-func: token for {API}, roles: DoAll (from the cache)",
        f"msi-func: no token for api://nowhere: {refused}",
    ]
    assert not any(part in caplog.text for token in tokens for part in token.split("."))
