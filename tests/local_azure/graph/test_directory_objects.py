"""Directory objects: lookup by ID and name, and creation of groups."""

import pytest

from local_azure.cloud import LocalAzure
from tests.local_azure.graph.graph_client import API, DEVELOPER, NOBODY, ROLE, TO_API, GraphClient, triple


def test_service_principal_is_found_by_filter_object_id_and_app_id(graph: GraphClient):
    by_app_id = graph.send("GET", f"servicePrincipals?$filter=appId eq '{API.client_id}'").json()["value"]
    by_name = graph.send("GET", "servicePrincipals?$filter=displayName eq 'aad-func'").json()["value"]
    by_id = graph.send("GET", f"servicePrincipals/{API.object_id}").json()
    by_alternate = graph.send("GET", f"servicePrincipals(appId='{API.client_id}')").json()
    for found in (by_id, by_alternate):
        assert found.pop("@odata.context").endswith("#servicePrincipals/$entity")
    assert by_app_id == by_name == [by_id] == [by_alternate]
    assert (by_id["id"], by_id["appRoles"][0]["id"], by_id["appRoleAssignmentRequired"]) == (API.object_id, ROLE, False)

    principals = graph.send("GET", "servicePrincipals").json()["value"]
    kinds = {each["displayName"]: each["servicePrincipalType"] for each in principals}
    assert (kinds["aad-func"], kinds["msi-func/slots/staging"]) == ("Application", "ManagedIdentity")
    assert graph.send("GET", "servicePrincipals?$filter=displayName eq 'o''neil'").json()["value"] == []


def test_users_and_groups_are_found_by_filter(graph: GraphClient):
    user = {"id": "05e50001-0b1d-4000-8000-000000000000", "displayName": "developer@local.example"}
    for query in (
        "displayName eq 'x' or userPrincipalName eq 'Developer@local.example'",
        "displayName eq 'developer@local.example'",
    ):
        (found,) = graph.send("GET", f"users?$filter={query}").json()["value"]
        assert user.items() <= found.items()
    (group,) = graph.send("GET", "groups?$filter=displayName eq 'developers'").json()["value"]
    assert graph.send("GET", f"groups/{group['id']}").json()["displayName"] == "developers"
    assert graph.send("GET", f"users/{NOBODY}").status_code == 404


def test_user_is_found_by_object_id_and_by_user_principal_name(graph: GraphClient):
    for key in (DEVELOPER, "developer@local.example", "Developer@LOCAL.example"):
        assert graph.send("GET", f"users/{key}").json()["id"] == DEVELOPER
    assert graph.send("GET", "users/ghost@local.example").json()["error"]["code"] == "Request_ResourceNotFound"


def test_me_is_the_tokens_user(graph: GraphClient):
    response = graph.send("GET", "me", graph.user_token("developer@local.example"))
    assert response.status_code == 200
    assert (response.json()["id"], response.json()["userPrincipalName"]) == (DEVELOPER, "developer@local.example")
    assert response.json()["@odata.context"].endswith("#users/$entity")


def test_me_requires_a_user(graph: GraphClient):
    response = graph.send("GET", "me", graph.token(roles=["Directory.Read.All"]))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "/me request is only valid with delegated authentication flow."


GROUP = {"displayName": "Orders", "mailNickname": "orders", "mailEnabled": False, "securityEnabled": True}


def test_group_is_created_and_can_have_a_role(graph: GraphClient):
    writer = graph.token(roles=["Group.ReadWrite.All"])
    response = graph.send("POST", "groups", writer, json=GROUP)
    assert (response.status_code, response.json()["displayName"]) == (201, "Orders")
    created = response.json()["id"]
    assert graph.send("GET", f"groups/{created}", writer).json()["securityEnabled"] is True
    assert graph.send("GET", f"groups/{created}/members").json()["value"] == []
    assigned = graph.send("POST", TO_API, json=triple(created))
    assert (assigned.status_code, assigned.json()["principalType"]) == (201, "Group")
    reader = graph.token(roles=["Directory.Read.All"])
    assert graph.send("POST", "groups", reader, json=GROUP).status_code == 403


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
def test_invalid_group_is_rejected(changes, status, message, graph: GraphClient, local_azure_server: LocalAzure):
    groups = local_azure_server.directory.groups
    writer = graph.token(roles=["Group.ReadWrite.All"])
    response = graph.send("POST", "groups", writer, json=GROUP | changes)
    assert response.status_code == status
    assert response.json()["error"]["message"].startswith(message)
    assert local_azure_server.directory.groups == groups
