"""App Service's identity endpoint, with Azure's client libraries."""

import msal
import pytest
import requests
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential

from local_azure.cloud import LocalAzure
from local_azure.managed_identity import app_service
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, ASSIGNED, SHARED, SYSTEM, request_identity_token

SCOPE = f"{API}/.default"


IDENTITIES = [
    ("system-assigned", {}, SYSTEM),
    ("by client ID", {"client_id": SHARED.client_id}, SHARED),
    ("by object ID", {"identity_config": {"object_id": SHARED.object_id}}, SHARED),
    ("by resource ID", {"identity_config": {"resource_id": SHARED.resource_id}}, SHARED),
]


@pytest.mark.parametrize(("why", "arguments", "identity"), IDENTITIES, ids=[case[0] for case in IDENTITIES])
@pytest.mark.parametrize("imds", [False, True], ids=["App Service", "IMDS"])
def test_azure_identity_gets_the_token_of_the_selected_identity(
    why, arguments, identity, imds, local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.environment(imds=imds)
    with ManagedIdentityCredential(**arguments) as credential:
        claims = verified(local_azure_server, credential.get_token(SCOPE).token)
    assert (claims["oid"], claims["sub"], claims["azp"]) == (identity.object_id,) * 2 + (identity.client_id,)
    assert claims.get("roles") == (["DoAll"] if identity is SYSTEM else None)


@pytest.mark.parametrize("imds", [False, True], ids=["App Service", "IMDS"])
def test_default_credential_finds_the_managed_identity(imds, local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment(imds=imds)
    with DefaultAzureCredential() as credential:
        claims = verified(local_azure_server, credential.get_token(SCOPE).token)
    assert claims["oid"] == SYSTEM.object_id


def test_msal_managed_identity_client_gets_a_token(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(object_id=SHARED.object_id), http_client=session
        )
        response = client.acquire_token_for_client(resource=API)
    assert verified(local_azure_server, response["access_token"])["oid"] == SHARED.object_id


def test_slot_has_its_own_identity(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment("msi-func/slots/staging")
    with ManagedIdentityCredential() as credential:
        claims = verified(local_azure_server, credential.get_token(SCOPE).token)
    assert claims["oid"] == local_azure_server.directory.site("msi-func/slots/staging").identities[0].object_id
    assert "roles" not in claims


def test_response_has_the_platforms_format(local_azure_server: LocalAzure):
    body = request_identity_token(local_azure_server, principal_id=SHARED.object_id.upper()).json()
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
    ("a wrong secret", {"secret": "guess"}, 401, "The X-IDENTITY-HEADER header is missing or invalid."),
]


@pytest.mark.parametrize(("why", "query", "status", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_errors_have_the_platforms_format(why, query, status, message, local_azure_server: LocalAzure):
    response = request_identity_token(local_azure_server, **query)
    assert (response.status_code, response.json()["statusCode"], response.json()["message"]) == (
        status,
        status,
        message,
    )
    assert response.json()["correlationId"]


def test_azure_identity_reports_the_endpoints_message(local_azure: LocalTenant):
    local_azure.environment("aad-func")
    with ManagedIdentityCredential() as credential, pytest.raises(CredentialUnavailableError) as caught:
        credential.get_token(SCOPE)
    assert f"400, {app_service.NO_IDENTITY}" in str(caught.value)


def test_assigned_identity_gets_a_token_if_assignment_is_required(
    local_azure: LocalTenant, local_azure_server: LocalAzure
):
    local_azure.environment()
    token = request_identity_token(local_azure_server, resource=ASSIGNED).json()["access_token"]
    assert verified(local_azure_server, token, "aad-func-assigned")["roles"] == ["DoAll"]
