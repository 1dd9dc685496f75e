"""Microsoft Graph: permissions, directory objects, role assignments, and Graph's errors."""

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
    response = graph(azure, "POST", f"servicePrincipals/{API.object_id}/appRoleAssignedTo", json=triple())
    assert response.status_code == 201
    created = response.json()
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
    response = graph(azure, "POST", f"servicePrincipals/{SLOT.object_id}/appRoleAssignments", json=body)
    assert response.status_code == 201
    assert isinstance(plain, Application)
    assert (azure.directory.is_assigned(SLOT, plain), azure.directory.roles(SLOT, plain)) == (True, [])


TO_API = f"servicePrincipals/{API.object_id}/appRoleAssignedTo"

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


@pytest.mark.parametrize(
    ("why", "status", "code", "message", "path", "body"), REJECTED, ids=[row[0] for row in REJECTED]
)
def test_graph_errors_have_graphs_codes(why, status, code, message, path, body, azure: LocalAzure):
    before = list(azure.directory.assignments)
    response = graph(azure, "POST", path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"].startswith(message)
    assert {"date", "request-id", "client-request-id"} == error["innerError"].keys()
    assert azure.directory.assignments == before


def test_invalid_filter_is_rejected(azure: LocalAzure):
    response = graph(azure, "GET", "servicePrincipals?$filter=startswith(displayName,'a')")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


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
    response = graph(azure, "POST", TO_API, token, json=triple())
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_reading_requires_a_token_with_a_permission(azure: LocalAzure):
    only_read = Forge(azure).token(version=1, aud=GRAPH, roles=["Application.Read.All"])
    only_write = Forge(azure).token(version=1, aud=GRAPH, roles=["AppRoleAssignment.ReadWrite.All"])
    assert graph(azure, "GET", "servicePrincipals", only_read).status_code == 200
    assert graph(azure, "GET", "servicePrincipals", only_write).status_code == 403
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}):
        response = requests.get(f"{azure.origin}/v1.0/servicePrincipals", headers=headers, timeout=10)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


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
    response = graph(
        azure,
        "POST",
        f"servicePrincipals/{v3.object_id}/appRoleAssignedTo",
        token,
        json=triple(developers, v3.object_id, v3.role("DoAll").id),
    )
    assert (response.status_code, response.json()["principalType"]) == (201, "Group")
    assert azure.directory.roles(load().user("developer@local.example"), v3) == ["DoAll"]


def test_users_and_groups_are_found_by_filter(azure: LocalAzure):
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
    response = graph(azure, "GET", f"servicePrincipals?$filter={condition}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


def tokens_with(azure: LocalAzure, **claims) -> str:
    return Forge(azure).token(version=1, aud=GRAPH, **claims)


DEVELOPER = "05e50001-0b1d-4000-8000-000000000000"


def test_me_is_the_tokens_user(azure: LocalAzure):
    response = graph(azure, "GET", "me", user_token(azure, "developer@local.example"))
    assert response.status_code == 200
    assert (response.json()["id"], response.json()["userPrincipalName"]) == (DEVELOPER, "developer@local.example")
    assert response.json()["@odata.context"].endswith("#users/$entity")


def test_me_requires_a_user(azure: LocalAzure):
    response = graph(azure, "GET", "me", tokens_with(azure, roles=["Directory.Read.All"]))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "/me request is only valid with delegated authentication flow."


def test_organization_is_the_tenant(azure: LocalAzure):
    (tenant,) = graph(azure, "GET", "organization").json()["value"]
    assert (tenant["id"], tenant["displayName"]) == (azure.directory.tenant_id, "Local tenant")
    assert graph(azure, "GET", f"organization/{tenant['id']}").json()["displayName"] == "Local tenant"
    assert graph(azure, "GET", f"organization/{NOBODY}").status_code == 404


def test_applications_are_this_tenants_registrations(azure: LocalAzure):
    registered = graph(azure, "GET", "applications").json()["value"]
    assert {"aad-func", "aad-func-v1", "nightly-job"} <= {app["displayName"] for app in registered}
    assert not [app for app in registered if app["displayName"].startswith(("Microsoft", "Azure", "AAD Token"))]
    (by_uri,) = graph(azure, "GET", f"applications?$filter=identifierUris/any(u:u eq '{API.app_id_uris[0]}')").json()[
        "value"
    ]
    (by_app_id,) = graph(azure, "GET", f"applications?$filter=appId eq '{API.client_id}'").json()["value"]
    by_id = graph(azure, "GET", f"applications/{by_uri['id']}").json()
    by_alternate = graph(azure, "GET", f"applications(appId='{API.client_id}')").json()
    for found in (by_id, by_alternate):
        del found["@odata.context"]
    assert by_uri == by_app_id == by_id == by_alternate
    assert by_id["api"]["requestedAccessTokenVersion"] == 2
    assert by_id["id"] != API.object_id  # that is the service principal's
    assert [role["value"] for role in by_id["appRoles"]] == ["DoAll"]


def test_user_is_found_by_object_id_and_by_user_principal_name(azure: LocalAzure):
    for key in (DEVELOPER, "developer@local.example", "Developer@LOCAL.example"):
        assert graph(azure, "GET", f"users/{key}").json()["id"] == DEVELOPER
    assert graph(azure, "GET", "users/ghost@local.example").json()["error"]["code"] == "Request_ResourceNotFound"


def test_group_members_are_users_and_service_principals(azure: LocalAzure):
    group = load().groups[0]
    members = graph(azure, "GET", f"groups/{group.object_id}/members").json()["value"]
    assert [(member["@odata.type"], member["displayName"]) for member in members] == [
        ("#microsoft.graph.servicePrincipal", "msi-func/slots/staging"),
        ("#microsoft.graph.user", "developer@local.example"),
        ("#microsoft.graph.user", "guarded@local.example"),
    ]
    selected = graph(azure, "GET", f"groups/{group.object_id}/members?$select=displayName").json()["value"]
    assert selected[1] == {"@odata.type": "#microsoft.graph.user", "displayName": "developer@local.example"}
    assert graph(azure, "GET", f"groups/{NOBODY}/members").status_code == 404


def test_select_returns_the_named_properties_only(azure: LocalAzure):
    listed = graph(azure, "GET", "users?$select=displayName,id").json()
    assert {frozenset(user) for user in listed["value"]} == {frozenset({"displayName", "id"})}
    assert listed["@odata.context"].endswith("$metadata#users(displayName,id)")
    one = graph(azure, "GET", f"users/{DEVELOPER}?$select=displayName").json()
    assert one.keys() == {"@odata.context", "displayName"}
    me = graph(azure, "GET", "me?$select=id", user_token(azure, "developer@local.example")).json()
    assert (me["id"], len(me)) == (DEVELOPER, 2)


def test_top_returns_pages_with_links(azure: LocalAzure):
    names, url, pages = [], f"{azure.origin}/v1.0/users?$top=3&$select=displayName", 0
    while url:
        assert url.startswith(f"{azure.origin}/v1.0/users?")
        page = requests.get(url, headers={"Authorization": f"Bearer {user_token(azure)}"}, timeout=10).json()
        assert len(page["value"]) <= 3
        names += [user["displayName"] for user in page["value"]]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert (names, pages) == ([user.name for user in load().users], 2)
    exact = graph(azure, "GET", f"users?$top={len(names)}").json()
    assert "@odata.nextLink" not in exact
    filtered = graph(azure, "GET", "users?$top=1&$filter=displayName eq 'developer@local.example'").json()
    assert (len(filtered["value"]), "@odata.nextLink" in filtered) == (1, False)


def test_page_has_100_objects_by_default(azure: LocalAzure, monkeypatch):
    users = [{"id": str(number), "displayName": "x"} for number in range(101)]
    monkeypatch.setattr("local_azure.graph.resources.entities", lambda kind, directory: users)
    first = graph(azure, "GET", "users").json()
    assert len(first["value"]) == 100
    headers = {"Authorization": f"Bearer {user_token(azure)}"}
    rest = requests.get(first["@odata.nextLink"], headers=headers, timeout=10).json()
    assert rest["value"] == users[100:]
    assert "@odata.nextLink" not in rest


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$top=0", "Invalid page size specified: '0'. Must be between 1 and 999 inclusive."),
        ("$top=1000", "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."),
        ("$top=-1", "Invalid page size specified: '-1'."),
        ("$top=", "Invalid page size specified: ''."),
        ("$top=٣", "Invalid page size specified: '٣'."),
        ("$skiptoken=x", "The specified page token value has expired"),
        ("$skiptoken=99999999999", "The specified page token value has expired"),
    ],
)
def test_invalid_page_is_rejected(query: str, message: str, azure: LocalAzure):
    response = graph(azure, "GET", f"users?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert response.json()["error"]["message"].startswith(message)


GROUP = {"displayName": "Orders", "mailNickname": "orders", "mailEnabled": False, "securityEnabled": True}


def test_group_is_created_and_can_have_a_role(azure: LocalAzure):
    writer = tokens_with(azure, roles=["Group.ReadWrite.All"])
    response = graph(azure, "POST", "groups", writer, json=GROUP)
    assert (response.status_code, response.json()["displayName"]) == (201, "Orders")
    created = response.json()["id"]
    assert graph(azure, "GET", f"groups/{created}", writer).json()["securityEnabled"] is True
    assert graph(azure, "GET", f"groups/{created}/members").json()["value"] == []
    assigned = graph(azure, "POST", TO_API, json=triple(created))
    assert (assigned.status_code, assigned.json()["principalType"]) == (201, "Group")
    reader = tokens_with(azure, roles=["Directory.Read.All"])
    assert graph(azure, "POST", "groups", reader, json=GROUP).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"mailNickname": None}, 400, "A value is required for property 'mailNickname' of resource 'Group'."),
        ({"displayName": ""}, 400, "A value is required for property 'displayName' of resource 'Group'."),
        ({"securityEnabled": "true"}, 400, "A value is required for property 'securityEnabled' of resource 'Group'."),
        ({"mailEnabled": True}, 501, "local_azure does not emulate groups other than security groups"),
        ({"groupTypes": ["Unified"]}, 501, "local_azure does not emulate the property groupTypes of a new group"),
    ],
)
def test_invalid_group_is_rejected(changes, status, message, azure: LocalAzure):
    groups = azure.directory.groups
    writer = tokens_with(azure, roles=["Group.ReadWrite.All"])
    response = graph(azure, "POST", "groups", writer, json=GROUP | changes)
    assert response.status_code == status
    assert response.json()["error"]["message"].startswith(message)
    assert azure.directory.groups == groups


NOT_EMULATED = [
    ("GET", "devices", "GET /v1.0/devices"),
    ("PATCH", f"users/{DEVELOPER}", f"PATCH /v1.0/users/{DEVELOPER}"),
    ("DELETE", f"groups/{NOBODY}", f"DELETE /v1.0/groups/{NOBODY}"),
    ("POST", "me/sendMail", "POST /v1.0/me/sendMail"),
    ("GET", "../beta/me", "GET /beta/me"),
    ("GET", "users?$orderby=displayName", "the query option $orderby for this request"),
    ("GET", "users?$count=true", "the query option $count for this request"),
    ("GET", "users?$expand=manager", "the query option $expand for this request"),
    ("GET", f"users/{DEVELOPER}?$filter=x", "the query option $filter for this request"),
    ("GET", "users?$select=mail", "the property mail for this request"),
    ("GET", f"users/{DEVELOPER}?$select=id,jobTitle", "the property jobTitle for this request"),
]


@pytest.mark.parametrize(("method", "path", "what"), NOT_EMULATED, ids=[f"{row[0]} {row[1]}" for row in NOT_EMULATED])
def test_other_requests_say_that_they_are_not_emulated(method, path, what, azure: LocalAzure):
    response = graph(azure, method, path)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (501, "NotImplemented")
    assert error["message"] == f"local_azure does not emulate {what}. The README of local_azure lists what is emulated."


@pytest.mark.parametrize(
    ("path", "permissions"),
    [
        ("users", {"User.Read.All", "Directory.Read.All"}),
        ("groups", {"Group.ReadWrite.All", "Directory.Read.All"}),
        (f"groups/{load().groups[0].object_id}/members", {"Group.ReadWrite.All", "Directory.Read.All"}),
        ("organization", {"User.Read", "Organization.Read.All", "Directory.Read.All"}),
        ("applications", {"Application.Read.All", "Directory.Read.All"}),
        ("servicePrincipals", {"Application.Read.All", "Directory.Read.All"}),
    ],
)
def test_each_collection_requires_one_of_its_permissions(path: str, permissions: set[str], azure: LocalAzure):
    api = load().application("Microsoft Graph")
    known = {role.value for role in api.app_roles} | {scope.value for scope in api.scopes}
    allowed = {name for name in known if graph(azure, "GET", path, tokens_with(azure, roles=[name])).ok}
    assert allowed == permissions
