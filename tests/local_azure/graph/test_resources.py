"""Objects of the directory as Graph's JSON."""

import re

from local_azure.cloud import LocalAzure
from local_azure.graph import resources
from local_azure.tenant.grants import Assignment
from local_azure.tenant.loader import load
from tests.local_azure.graph.graph_client import API, NOBODY, GraphClient


def test_organization_is_the_tenant(graph: GraphClient, local_azure_server: LocalAzure):
    (tenant,) = graph.send("GET", "organization").json()["value"]
    assert (tenant["id"], tenant["displayName"]) == (local_azure_server.directory.tenant_id, "Local tenant")
    assert graph.send("GET", f"organization/{tenant['id']}").json()["displayName"] == "Local tenant"
    assert graph.send("GET", f"organization/{NOBODY}").status_code == 404


def test_applications_are_this_tenants_registrations(graph: GraphClient):
    registered = graph.send("GET", "applications").json()["value"]
    assert {"aad-func", "aad-func-v1", "nightly-job"} <= {app["displayName"] for app in registered}
    assert not [app for app in registered if app["displayName"].startswith(("Microsoft", "Azure", "AAD Token"))]
    (by_uri,) = graph.send("GET", f"applications?$filter=identifierUris/any(u:u eq '{API.app_id_uris[0]}')").json()[
        "value"
    ]
    (by_app_id,) = graph.send("GET", f"applications?$filter=appId eq '{API.client_id}'").json()["value"]
    by_id = graph.send("GET", f"applications/{by_uri['id']}").json()
    by_alternate = graph.send("GET", f"applications(appId='{API.client_id}')").json()
    for found in (by_id, by_alternate):
        del found["@odata.context"]
    assert by_uri == by_app_id == by_id == by_alternate
    assert by_id["api"]["requestedAccessTokenVersion"] == 2
    assert by_id["id"] != API.object_id  # API.object_id is the ID of the service principal
    assert [role["value"] for role in by_id["appRoles"]] == ["DoAll"]


def test_group_members_are_users_and_service_principals(graph: GraphClient):
    group = load().groups[0]
    members = graph.send("GET", f"groups/{group.object_id}/members").json()["value"]
    assert [(member["@odata.type"], member["displayName"]) for member in members] == [
        ("#microsoft.graph.servicePrincipal", "msi-func/slots/staging"),
        ("#microsoft.graph.user", "developer@local.example"),
        ("#microsoft.graph.user", "guarded@local.example"),
    ]
    selected = graph.send("GET", f"groups/{group.object_id}/members?$select=displayName").json()["value"]
    assert selected[1] == {"@odata.type": "#microsoft.graph.user", "displayName": "developer@local.example"}
    assert graph.send("GET", f"groups/{NOBODY}/members").status_code == 404


def test_managed_identity_has_its_kind_and_resource_in_alternative_names():
    """`az ad sp list` needs alternativeNames to distinguish system-assigned from user-assigned identities."""
    system, user = (resources.service_principal(identity) for identity in load().site("msi-func").identities)
    assert system["alternativeNames"][0] == "isExplicit=False"
    assert user["alternativeNames"][0] == "isExplicit=True"
    assert system["alternativeNames"][1].endswith("/providers/Microsoft.Web/sites/msi-func")
    assert (system["servicePrincipalType"], system["appRoles"]) == ("ManagedIdentity", [])


def test_application_and_service_principal_have_the_same_roles_and_scopes():
    app, principal = resources.application(API), resources.service_principal(API)
    assert app["appRoles"] == principal["appRoles"] != []
    assert app["api"]["oauth2PermissionScopes"] == principal["oauth2PermissionScopes"] != []
    assert (app["appId"], app["id"] != principal["id"]) == (principal["appId"], True)
    assert resources.application(API) == app


def test_assignment_id_is_stable_and_distinct():
    ids = {
        resources.assignment_id(Assignment(*members))
        for members in (("p", "a", "r"), ("q", "a", "r"), ("p", "b", "r"), ("p", "a", "s"))
    }
    assert len(ids) == 4
    assert resources.assignment_id(Assignment("p", "a", "r", created=1.0)) in ids
    assert all(re.fullmatch(r"[\w-]+", identifier) for identifier in ids)


def test_assignment_names_principal_and_api():
    tenant = load()
    names = {"ServicePrincipal": "msi-func", "User": "visitor@local.example", "Group": "developers"}
    for kind, name in names.items():
        (principal,) = [one for one in tenant.principals() if one.name == name]
        found = resources.assignment(Assignment(principal.object_id, API.object_id, "role", created=0.0), tenant)
        assert (found["principalType"], found["principalDisplayName"]) == (kind, name)
        assert (found["resourceDisplayName"], found["createdDateTime"]) == ("aad-func", "1970-01-01T00:00:00Z")


def test_every_filterable_property_exists():
    tenant = load()
    for kind, names in resources.FILTERABLE.items():
        assert [entity for entity in resources.entities(kind, tenant) if not names <= entity.keys()] == []
