"""App registrations and the other principals."""

import pytest

from local_azure.tenant.loader import load
from local_azure.tenant.principals import member_type

TENANT = load()
GRAPH, API = TENANT.application("Microsoft Graph"), TENANT.application("aad-func")
CLIENT_ID = "aad00002-c11d-4000-8000-000000000000"

RESOURCES = [
    ("client ID", CLIENT_ID, True),
    ("client ID in upper case", CLIENT_ID.upper(), True),
    ("App ID URI", f"api://{CLIENT_ID}", True),
    ("App ID URI in upper case", f"API://{CLIENT_ID.upper()}", True),
    ("a trailing slash", f"api://{CLIENT_ID}/", False),
    ("a scope", f"api://{CLIENT_ID}/.default", False),
    ("a prefix of an App ID URI", "api://aad00002", False),
    ("the object ID", "aad00002-0b1d-4000-8000-000000000000", False),
    ("the name", "aad-func", False),
    ("an empty string", "", False),
]


@pytest.mark.parametrize(("why", "resource", "matches"), RESOURCES, ids=[case[0] for case in RESOURCES])
def test_resource_is_the_client_id_or_a_complete_app_id_uri(why, resource, matches):
    assert API.matches_resource(resource) is matches


def test_each_app_id_uri_is_a_resource():
    vault = TENANT.application("Azure Key Vault")
    assert [uri for uri in vault.app_id_uris if not vault.matches_resource(uri)] == []
    assert len(vault.app_id_uris) == 2


def test_role_is_found_by_its_exact_value():
    assert API.role("DoAll").id == "aad00002-d0a1-4000-8000-000000000000"
    assert [API.role(value) for value in ("doall", "DoAll ", "", "Do")] == [None] * 4


def test_member_type_of_users_and_groups_is_user():
    kinds = {type(one).__name__: member_type(one) for one in TENANT.principals()}
    assert kinds == {"Application": "Application", "ManagedIdentity": "Application", "User": "User", "Group": "User"}
