"""App role assignments: both collections, and errors for invalid requests."""

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from local_azure.tenant.principals import Application
from tests.local_azure.graph.graph_client import API, GRAPH, NO_ROLE, NOBODY, SHARED, SLOT, TO_API, GraphClient, triple


def test_role_is_assigned_listed_on_both_sides_and_removed(graph: GraphClient, local_azure_server: LocalAzure):
    response = graph.send("POST", f"servicePrincipals/{API.object_id}/appRoleAssignedTo", json=triple())
    assert response.status_code == 201
    created = response.json()
    assert created.pop("@odata.context").endswith("#appRoleAssignments/$entity")
    wanted = {"principalDisplayName": "shared-identity", "principalType": "ServicePrincipal", **triple()}
    assert {**wanted, "resourceDisplayName": "aad-func"}.items() <= created.items()
    for side in (f"{API.object_id}/appRoleAssignedTo", f"{SHARED.object_id}/appRoleAssignments"):
        assert created in graph.send("GET", f"servicePrincipals/{side}").json()["value"]
    assert local_azure_server.directory.roles(SHARED, API) == ["DoAll"]

    path = f"servicePrincipals/{SHARED.object_id}/appRoleAssignments/{created['id']}"
    assert graph.send("DELETE", path).status_code == 204
    assert local_azure_server.directory.roles(SHARED, API) == []
    assert graph.send("DELETE", path).json()["error"]["code"] == "Request_ResourceNotFound"


def test_default_access_is_assigned_through_the_principals_collection(
    graph: GraphClient, local_azure_server: LocalAzure
):
    plain = next(app for app in load().applications if not app.app_roles)
    body = triple(SLOT.object_id, plain.object_id, NO_ROLE)
    response = graph.send("POST", f"servicePrincipals/{SLOT.object_id}/appRoleAssignments", json=body)
    assert response.status_code == 201
    assert isinstance(plain, Application)
    assert (local_azure_server.directory.is_assigned(SLOT, plain), local_azure_server.directory.roles(SLOT, plain)) == (
        True,
        [],
    )


def test_application_with_the_permission_can_assign(graph: GraphClient, local_azure_server: LocalAzure):
    api, job = load().application("Microsoft Graph"), load().application("nightly-job")
    body = triple(job.object_id, api.object_id, api.role("AppRoleAssignment.ReadWrite.All").id)
    path = f"servicePrincipals/{api.object_id}/appRoleAssignedTo"
    assert graph.send("POST", path, json=body).status_code == 201

    form = {"grant_type": "client_credentials", "client_id": job.client_id, "client_secret": job.secrets[0]}
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/oauth2/v2.0/token"
    token = requests.post(url, data={**form, "scope": f"{GRAPH}/.default"}, timeout=10).json()["access_token"]
    developers = load().groups[0].object_id
    v3 = load().application("aad-func-assigned")
    response = graph.send(
        "POST",
        f"servicePrincipals/{v3.object_id}/appRoleAssignedTo",
        token,
        json=triple(developers, v3.object_id, v3.role("DoAll").id),
    )
    assert (response.status_code, response.json()["principalType"]) == (201, "Group")
    assert local_azure_server.directory.roles(load().user("developer@local.example"), v3) == ["DoAll"]


ALREADY = triple(load().site("msi-func").identities[0].object_id)


REJECTED = [
    ("duplicate", 400, "Request_BadRequest", "Permission being assigned already exists on the object", TO_API, ALREADY),
    (
        "unknown role",
        400,
        "Request_BadRequest",
        f"Permission being assigned was not found on application '{API.client_id}'.",
        TO_API,
        triple(role=NOBODY),
    ),
    (
        "the default role of an API with roles",
        400,
        "Request_BadRequest",
        "Permission being",
        TO_API,
        triple(role=NO_ROLE),
    ),
    ("unknown principal", 400, "Request_BadRequest", "Not a valid reference update.", TO_API, triple(NOBODY)),
    (
        "a client ID as principal",
        400,
        "Request_BadRequest",
        "Not a valid reference update.",
        TO_API,
        triple(SHARED.client_id),
    ),
    ("another API", 400, "Request_BadRequest", "Not a valid reference", TO_API, triple(resource=SLOT.object_id)),
    ("no role", 400, "Request_BadRequest", "Invalid value specified", TO_API, {"principalId": SLOT.object_id}),
    ("a list", 400, "BadRequest", "Unable to read JSON request payload.", TO_API, []),
    (
        "unknown service principal",
        404,
        "Request_ResourceNotFound",
        f"Resource '{NOBODY}' does not exist or one of its queried reference-property objects are not present.",
        f"servicePrincipals/{NOBODY}/appRoleAssignedTo",
        triple(),
    ),
    ("unknown segment", 400, "Request_BadRequest", "Resource not found for the segment", TO_API[:-2], triple()),
]


@pytest.mark.parametrize(
    ("why", "status", "code", "message", "path", "body"), REJECTED, ids=[row[0] for row in REJECTED]
)
def test_graph_errors_have_graphs_codes(
    why, status, code, message, path, body, graph: GraphClient, local_azure_server: LocalAzure
):
    before = list(local_azure_server.directory.assignments)
    response = graph.send("POST", path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"].startswith(message)
    assert {"date", "request-id", "client-request-id"} == error["innerError"].keys()
    assert local_azure_server.directory.assignments == before
