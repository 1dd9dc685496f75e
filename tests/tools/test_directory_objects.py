"""Objects in Microsoft Graph's responses: object IDs must be GUIDs, other members have defaults."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.console import ToolError
from tools.directory_objects import AppRole, Principal, RoleAssignment, parse_assignment, parse_principal

ID, ROLE = "1de00001-0b1d-4000-8000-000000000000", "aad00002-d0a1-4000-8000-000000000000"
TENANT = "10ca1000-0000-4000-8000-000000000000"

PRINCIPALS: list[tuple[str, str, dict[str, Any], Principal]] = [
    (
        "a managed identity",
        "servicePrincipals",
        {"servicePrincipalType": "ManagedIdentity", "displayName": "msi-func", "appId": "x"},
        Principal("managed identity", "msi-func", ID, "x"),
    ),
    (
        "an application of another tenant",
        "servicePrincipals",
        {"servicePrincipalType": "Application", "displayName": "api", "appOwnerOrganizationId": TENANT},
        Principal("application", "api", ID, owner_tenant=TENANT),
    ),
    (
        "another kind of service principal",
        "servicePrincipals",
        {"servicePrincipalType": "Legacy", "displayName": "old"},
        Principal("service principal", "old", ID),
    ),
    (
        "a user without a display name",
        "users",
        {"displayName": None, "userPrincipalName": "a@b.example"},
        Principal("user", "a@b.example", ID),
    ),
    ("a group", "groups", {"displayName": "developers"}, Principal("group", "developers", ID)),
    (
        "members of other types",
        "groups",
        {"displayName": ["x"], "appId": 1, "appRoles": {}},
        Principal("group", "", ID),
    ),
    (
        "app roles",
        "servicePrincipals",
        {
            "servicePrincipalType": "Application",
            "appRoles": [
                {"id": ROLE.upper(), "value": "DoAll", "allowedMemberTypes": ["Application", "User"]},
                {"id": ROLE, "value": None, "allowedMemberTypes": "Application"},
            ],
        },
        Principal(
            "application", "", ID, roles=(AppRole(ROLE, "DoAll", ("Application", "User")), AppRole(ROLE, "", ()))
        ),
    ),
]


@pytest.mark.parametrize(("why", "collection", "entry", "expected"), PRINCIPALS, ids=[case[0] for case in PRINCIPALS])
def test_principal_is_parsed(why, collection, entry, expected):
    assert parse_principal(collection, {"id": ID.upper(), **entry}) == expected


KINDS = [
    ("user", "User"),
    ("group", "User"),
    ("application", "Application"),
    ("managed identity", "Application"),
    ("service principal", "Application"),
]


@pytest.mark.parametrize(("kind", "member"), KINDS)
def test_member_type_matches_app_roles(kind, member):
    assert Principal(kind, "x", ID).member_type == member


def test_description_names_the_owner_tenant_of_foreign_applications():
    assert Principal("user", "a", ID).description == f"a: user {ID}, of this tenant"
    foreign = Principal("application", "a", ID, owner_tenant=TENANT)
    assert foreign.description == f"a: application {ID}, registered in tenant {TENANT}"


def test_assignment_is_parsed():
    entry = {"id": "x/y", "principalId": ID, "principalDisplayName": "a", "principalType": "Group", "appRoleId": ROLE}
    assert parse_assignment(entry) == RoleAssignment("x/y", ID, "a", "Group", ROLE)
    assert parse_assignment({"principalId": ID, "appRoleId": ROLE}) == RoleAssignment("", ID, "", "", ROLE)


NOT_IDS: list[Any] = [None, "", 7, [ID], "../users", f"{ID}/x", f" {ID}", f"{ID}\n", "$(reboot)", f"{{{ID}}}", ID[:-1]]


@pytest.mark.parametrize("value", NOT_IDS, ids=repr)
def test_id_that_is_not_a_guid_is_rejected(value):
    for parse in (
        lambda: parse_principal("users", {"id": value}),
        lambda: parse_principal("users", {"id": ID, "appRoles": [{"id": value}]}),
        lambda: parse_assignment({"principalId": value, "appRoleId": ROLE}),
        lambda: parse_assignment({"principalId": ID, "appRoleId": value}),
    ):
        with pytest.raises(ToolError, match="is not a GUID") as raised:
            parse()
        assert not value or str(value) not in str(raised.value)


members = st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.just(ID), st.lists, max_leaves=3)
names = st.sampled_from(["id", "displayName", "appId", "appRoles", "servicePrincipalType", "value", "principalId"])


@given(st.sampled_from(["servicePrincipals", "users", "groups"]), st.dictionaries(names, members))
def test_any_object_is_a_principal_with_a_guid_or_an_error(collection: str, entry: dict[str, Any]):
    try:
        found = parse_principal(collection, entry)
    except ToolError:
        return
    assert found.object_id == ID
    assert isinstance(found.name, str)
    assert found.member_type in ("User", "Application")
