"""Graph, as far as role assignment goes: who may, what comes back, and its words when it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from local_azure.tenant.principals import Application
from tests.support.forge import Forge

GRAPH = "https://graph.microsoft.com"

API = load().application("aad-func")

SLOT = load().site("msi-func/slots/staging").identities[0]

SHARED = load().site("msi-func").identities[1]

ROLE = API.role("DoAll").id

NOBODY = "10ca1000-0000-4000-8000-00000000000f"

NO_ROLE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def azure(state: Path) -> Iterator[LocalAzure]:
    """A tenant for tests that change it."""
    with LocalAzure(load(), port=0, state=state) as running:
        yield running


def user_token(azure: LocalAzure, user: str = "admin@local.example", scope: str = f"{GRAPH}/.default") -> str:
    url = f"{azure.origin}/local-azure/user-token"
    return requests.post(url, json={"user": user, "scope": scope}, timeout=10).json()["access_token"]


def graph(azure: LocalAzure, method: str, path: str, token: str | None = None, **options) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or user_token(azure)}"}
    return requests.request(method, f"{azure.origin}/v1.0/{path}", headers=headers, timeout=10, **options)


def triple(principal: str = SHARED.object_id, resource: str = API.object_id, role: str = ROLE) -> dict[str, str]:
    return {"principalId": principal, "resourceId": resource, "appRoleId": role}


def test_service_principal_is_found_by_filter_object_id_and_app_id(azure: LocalAzure):
    by_app_id = graph(azure, "GET", f"servicePrincipals?$filter=appId eq '{API.client_id}'").json()["value"]
    by_name = graph(azure, "GET", "servicePrincipals?$filter=displayName eq 'aad-func'").json()["value"]
    by_id = graph(azure, "GET", f"servicePrincipals/{API.object_id}").json()
    by_alternate = graph(azure, "GET", f"servicePrincipals(appId='{API.client_id}')").json()
    for found in (by_id, by_alternate):
        assert found.pop("@odata.context").endswith("#servicePrincipals/$entity")
    assert by_app_id == by_name == [by_id] == [by_alternate]
    assert (by_id["id"], by_id["appRoles"][0]["id"], by_id["appRoleAssignmentRequired"]) == (API.object_id, ROLE, False)

    everybody = graph(azure, "GET", "servicePrincipals").json()["value"]
    kinds = {one["displayName"]: one["servicePrincipalType"] for one in everybody}
    assert (kinds["aad-func"], kinds["msi-func/slots/staging"]) == ("Application", "ManagedIdentity")
    assert graph(azure, "GET", "servicePrincipals?$filter=displayName eq 'o''neil'").json()["value"] == []


def test_role_is_assigned_listed_on_both_sides_and_removed(azure: LocalAzure):
    answer = graph(azure, "POST", f"servicePrincipals/{API.object_id}/appRoleAssignedTo", json=triple())
    assert answer.status_code == 201
    created = answer.json()
    assert created.pop("@odata.context").endswith("#appRoleAssignments/$entity")
    wanted = {"principalDisplayName": "shared-identity", "principalType": "ServicePrincipal", **triple()}
    assert {**wanted, "resourceDisplayName": "aad-func"}.items() <= created.items()
    for side in (f"{API.object_id}/appRoleAssignedTo", f"{SHARED.object_id}/appRoleAssignments"):
        assert created in graph(azure, "GET", f"servicePrincipals/{side}").json()["value"]
    assert azure.directory.roles(SHARED, API) == ["DoAll"]

    where = f"servicePrincipals/{SHARED.object_id}/appRoleAssignments/{created['id']}"
    assert graph(azure, "DELETE", where).status_code == 204
    assert azure.directory.roles(SHARED, API) == []
    assert graph(azure, "DELETE", where).json()["error"]["code"] == "Request_ResourceNotFound"


def test_role_is_assigned_on_the_principals_side_and_without_a_role_value(azure: LocalAzure):
    plain = next(app for app in load().applications if not app.app_roles)
    body = triple(SLOT.object_id, plain.object_id, NO_ROLE)
    answer = graph(azure, "POST", f"servicePrincipals/{SLOT.object_id}/appRoleAssignments", json=body)
    assert answer.status_code == 201
    assert isinstance(plain, Application)
    assert (azure.directory.is_assigned(SLOT, plain), azure.directory.roles(SLOT, plain)) == (True, [])


TO_API = f"servicePrincipals/{API.object_id}/appRoleAssignedTo"

ALREADY = triple(load().site("msi-func").identities[0].object_id)

REFUSED = [
    ("duplicate", 400, "Request_BadRequest", "Permission being assigned already exists on the object", TO_API, ALREADY),
    (
        "unknown role",
        400,
        "Request_BadRequest",
        f"Permission being assigned was not found on application '{API.client_id}'.",
        TO_API,
        triple(role=NOBODY),
    ),
    ("no role where there is one", 400, "Request_BadRequest", "Permission being", TO_API, triple(role=NO_ROLE)),
    ("unknown principal", 400, "Request_BadRequest", "Not a valid reference update.", TO_API, triple(NOBODY)),
    ("a client id", 400, "Request_BadRequest", "Not a valid reference update.", TO_API, triple(SHARED.client_id)),
    ("another API", 400, "Request_BadRequest", "Not a valid reference", TO_API, triple(resource=SLOT.object_id)),
    ("no role at all", 400, "Request_BadRequest", "Invalid value specified", TO_API, {"principalId": SLOT.object_id}),
    ("no object", 400, "BadRequest", "Unable to read JSON request payload.", TO_API, []),
    (
        "unknown service principal",
        404,
        "Request_ResourceNotFound",
        f"Resource '{NOBODY}' does not exist or one of its queried reference-property objects are not present.",
        f"servicePrincipals/{NOBODY}/appRoleAssignedTo",
        triple(),
    ),
    ("unknown way", 400, "Request_BadRequest", "Resource not found for the segment", TO_API[:-2], triple()),
]


@pytest.mark.parametrize(("why", "status", "code", "message", "path", "body"), REFUSED, ids=[row[0] for row in REFUSED])
def test_graph_errors_have_graphs_codes(why, status, code, message, path, body, azure: LocalAzure):
    before = list(azure.directory.assignments)
    answer = graph(azure, "POST", path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"].startswith(message)
    assert {"date", "request-id", "client-request-id"} == error["innerError"].keys()
    assert azure.directory.assignments == before


def test_invalid_filter_is_rejected(azure: LocalAzure):
    answer = graph(azure, "GET", "servicePrincipals?$filter=startswith(displayName,'a')")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    ("why", "status", "code", "changes"),
    [
        ("for another API", 401, "InvalidAuthenticationToken", {"aud": API.client_id}),
        ("expired", 401, "InvalidAuthenticationToken", {"exp": 1_700_000_000}),
        ("of another issuer", 401, "InvalidAuthenticationToken", {"iss": "https://sts.windows.net/x/"}),
        ("without a permission", 403, "Authorization_RequestDenied", {"roles": ["DoAll"]}),
        ("only for reading", 403, "Authorization_RequestDenied", {"roles": ["Application.Read.All"]}),
        ("roles of a user", 403, "Authorization_RequestDenied", {"scp": "User.Read"}),
    ],
)
def test_token_without_the_permission_is_rejected(why, status, code, changes, azure: LocalAzure):
    claims = {"aud": GRAPH, "roles": ["AppRoleAssignment.ReadWrite.All"], **changes}
    token = Forge(azure).token(version=1, **claims)
    answer = graph(azure, "POST", TO_API, token, json=triple())
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_reading_requires_a_token_with_a_permission(azure: LocalAzure):
    only_read = Forge(azure).token(version=1, aud=GRAPH, roles=["Application.Read.All"])
    only_write = Forge(azure).token(version=1, aud=GRAPH, roles=["AppRoleAssignment.ReadWrite.All"])
    assert graph(azure, "GET", "servicePrincipals", only_read).status_code == 200
    assert graph(azure, "GET", "servicePrincipals", only_write).status_code == 403
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}):
        answer = requests.get(f"{azure.origin}/v1.0/servicePrincipals", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_only_administrators_get_the_permissions(azure: LocalAzure):
    for user in ("developer@local.example", "visitor@local.example"):
        assert graph(azure, "GET", "servicePrincipals", user_token(azure, user)).status_code == 403


def test_application_with_the_permission_can_assign(azure: LocalAzure):
    api, job = load().application("Microsoft Graph"), load().application("nightly-job")
    body = triple(job.object_id, api.object_id, api.role("AppRoleAssignment.ReadWrite.All").id)
    path = f"servicePrincipals/{api.object_id}/appRoleAssignedTo"
    assert graph(azure, "POST", path, json=body).status_code == 201

    form = {"grant_type": "client_credentials", "client_id": job.client_id, "client_secret": job.secrets[0]}
    url = f"{azure.origin}/{azure.directory.tenant_id}/oauth2/v2.0/token"
    token = requests.post(url, data={**form, "scope": f"{GRAPH}/.default"}, timeout=10).json()["access_token"]
    developers = load().groups[0].object_id
    v3 = load().application("aad-func-assigned")
    answer = graph(
        azure,
        "POST",
        f"servicePrincipals/{v3.object_id}/appRoleAssignedTo",
        token,
        json=triple(developers, v3.object_id, v3.role("DoAll").id),
    )
    assert (answer.status_code, answer.json()["principalType"]) == (201, "Group")
    assert azure.directory.roles(load().user("developer@local.example"), v3) == ["DoAll"]


def test_users_and_groups_require_directory_read_all(azure: LocalAzure):
    user = {"id": "05e50001-0b1d-4000-8000-000000000000", "displayName": "developer@local.example"}
    for query in (
        "displayName eq 'x' or userPrincipalName eq 'Developer@local.example'",
        "displayName eq 'developer@local.example'",
    ):
        (found,) = graph(azure, "GET", f"users?$filter={query}").json()["value"]
        assert user.items() <= found.items()
    (group,) = graph(azure, "GET", "groups?$filter=displayName eq 'developers'").json()["value"]
    assert graph(azure, "GET", f"groups/{group['id']}").json()["displayName"] == "developers"
    assert graph(azure, "GET", f"users/{NOBODY}").status_code == 404


def test_service_principal_is_found_by_app_id_uri(azure: LocalAzure):
    names = f"servicePrincipalNames/any(n:n eq '{API.app_id_uris[0]}')"
    (found,) = graph(azure, "GET", f"servicePrincipals?$filter={names}").json()["value"]
    assert found["id"] == API.object_id


UNSUPPORTED = ["startswith(displayName,'a')", "id eq 'x'", "displayName eq x", "displayName eq 'a' and appId eq 'b'"]


@pytest.mark.parametrize("condition", UNSUPPORTED)
def test_unsupported_filter_is_reported_as_such(condition, azure: LocalAzure):
    answer = graph(azure, "GET", f"servicePrincipals?$filter={condition}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")
