"""Microsoft Graph: permissions, and errors for requests that are not emulated."""

import pytest
import requests

from local_azure.tenant.loader import load
from tests.local_azure.graph.graph_client import API, DEVELOPER, NOBODY, TO_API, GraphClient, triple


@pytest.mark.parametrize(
    ("why", "status", "code", "changes"),
    [
        ("for another API", 401, "InvalidAuthenticationToken", {"aud": API.client_id}),
        ("expired", 401, "InvalidAuthenticationToken", {"exp": 1_700_000_000}),
        ("from another issuer", 401, "InvalidAuthenticationToken", {"iss": "https://sts.windows.net/x/"}),
        ("without a permission", 403, "Authorization_RequestDenied", {"roles": ["DoAll"]}),
        ("with a permission to read", 403, "Authorization_RequestDenied", {"roles": ["Application.Read.All"]}),
        ("with roles in a user's token", 403, "Authorization_RequestDenied", {"scp": "User.Read"}),
    ],
)
def test_token_without_the_permission_is_rejected(why, status, code, changes, graph: GraphClient):
    token = graph.token(**{"roles": ["AppRoleAssignment.ReadWrite.All"], **changes})
    response = graph.send("POST", TO_API, token, json=triple())
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_reading_requires_a_token_with_a_permission(graph: GraphClient):
    only_read = graph.token(roles=["Application.Read.All"])
    only_write = graph.token(roles=["AppRoleAssignment.ReadWrite.All"])
    assert graph.send("GET", "servicePrincipals", only_read).status_code == 200
    assert graph.send("GET", "servicePrincipals", only_write).status_code == 403
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}):
        response = requests.get(f"{graph.url}/servicePrincipals", headers=headers, timeout=10)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_only_administrators_get_the_permissions(graph: GraphClient):
    for user in ("developer@local.example", "visitor@local.example"):
        assert graph.send("GET", "servicePrincipals", graph.user_token(user)).status_code == 403


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


@pytest.mark.parametrize(
    ("method", "path", "feature"), NOT_EMULATED, ids=[f"{row[0]} {row[1]}" for row in NOT_EMULATED]
)
def test_other_requests_return_501_with_the_feature(method, path, feature, graph: GraphClient):
    response = graph.send(method, path)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (501, "NotImplemented")
    message = f"local_azure does not emulate {feature}. The README of local_azure lists the emulated features."
    assert error["message"] == message


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
def test_each_collection_requires_one_of_its_permissions(path: str, permissions: set[str], graph: GraphClient):
    api = load().application("Microsoft Graph")
    known = {role.value for role in api.app_roles} | {scope.value for scope in api.scopes}
    allowed = {name for name in known if graph.send("GET", path, graph.token(roles=[name])).ok}
    assert allowed == permissions
