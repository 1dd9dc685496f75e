"""Entries of a tenant file: the defaults of optional members, and the formats of values."""

from collections.abc import Callable
from typing import Any

import pytest

from local_azure.tenant.entry_parsers import group_parser, parse_application, parse_identity, parse_user, site_parser
from local_azure.tenant.json_reader import JsonObject, TenantFileError
from local_azure.tenant.principals import Application, AppRole, FederatedCredential, ManagedIdentity, Scope, User

ID, OTHER = "aad00002-c11d-4000-8000-000000000000", "aad00002-0b1d-4000-8000-000000000000"
APPLICATION = {"name": "orders", "client_id": ID, "object_id": OTHER}
IDENTITY = {"name": "vm", "client_id": ID, "object_id": OTHER, "resource_id": "/subscriptions/x", "kind": "user"}


def parsed(parse: Callable[[JsonObject], Any], **members: Any) -> Any:
    """Return the parsed entry. As in a file, members that are not read are an error."""
    entry = JsonObject(members, "here")
    found = parse(entry)
    entry.reject_unknown_members()
    return found


def test_minimal_application_has_entras_defaults():
    defaults = ((), 1, (), (), False, (), (), (), ())
    assert parsed(parse_application, **APPLICATION) == Application("orders", ID, OTHER, *defaults)


def test_complete_application_has_all_members():
    app = parsed(
        parse_application,
        **APPLICATION,
        app_id_uris=["api://orders", "https://orders.example/"],
        token_version=2,
        app_roles=[{"id": ID, "value": "Orders.Read", "member_types": ["Application", "User"]}],
        scopes=[{"id": OTHER, "value": "read", "type": "Admin"}],
        assignment_required=True,
        pre_authorized_clients=[OTHER],
        optional_claims=["idtyp"],
        secrets=["secret"],
        federated_credentials=[{"name": "vm", "subject": OTHER}],
    )
    assert (app.token_version, app.assignment_required, app.secrets) == (2, True, ("secret",))
    assert app.app_roles == (AppRole(ID, "Orders.Read", ("Application", "User")),)
    assert app.scopes == (Scope(OTHER, "read", admin=True),)
    assert app.federated_credentials == (FederatedCredential("vm", None, OTHER, "api://AzureADTokenExchange"),)


def role(value: object = "Orders.Read", identifier: str = ID, **members: object) -> dict[str, object]:
    return {"id": identifier, "value": value, "member_types": ["User"], **members}


VALID = [
    ("an App ID URI with a name", {"app_id_uris": ["api://orders"]}),
    ("an App ID URI with a path", {"app_id_uris": ["api://orders.example/v1"]}),
    ("an App ID URI of Microsoft with a trailing slash", {"app_id_uris": ["https://vault.azure.net/"]}),
    ("a role of 120 characters", {"app_roles": [role("x" * 120)]}),
    ("a role with punctuation", {"app_roles": [role("Orders.Read:All*")]}),
    ("a role and a scope with the same value", {"app_roles": [role("x")], "scopes": [{"id": OTHER, "value": "x"}]}),
    ("token version null", {"token_version": None}),
]


@pytest.mark.parametrize(("why", "members"), VALID, ids=[case[0] for case in VALID])
def test_valid_application_is_accepted(why, members):
    assert parsed(parse_application, **APPLICATION, **members).name == "orders"


SCOPE = {"id": OTHER, "value": "read"}
CREDENTIAL = {"name": "vm", "subject": OTHER}
INVALID = [
    ("a URI without a scheme", {"app_id_uris": ["orders"]}, "here.app_id_uris must be a list of App ID URIs such as"),
    ("a trailing slash", {"app_id_uris": ["api://orders/"]}, "here.app_id_uris must be a list of App ID URIs"),
    ("a space in a URI", {"app_id_uris": ["api://my orders"]}, "here.app_id_uris must be a list of App ID URIs"),
    ("a role of 121 characters", {"app_roles": [role("x" * 121)]}, "here.app_roles[0].value must be an app role value"),
    ("a role that starts with a dot", {"app_roles": [role(".x")]}, "here.app_roles[0].value must be an app role value"),
    ("a role with a line break", {"app_roles": [role("x\n")]}, "here.app_roles[0].value must be an app role value"),
    ("an empty role", {"app_roles": [role("")]}, "here.app_roles[0].value must be an app role value"),
    ("a misspelled member", {"app_roles": [role(memberTypes=[])]}, "here.app_roles[0].memberTypes is unknown"),
    (
        "two roles with the same ID",
        {"app_roles": [role("a"), role("b")]},
        f"here.app_roles[1].id must not have the same value as here.app_roles[0].id: {ID}",
    ),
    (
        "two roles with the same value, ignoring case",
        {"app_roles": [role("a"), role("A", OTHER)]},
        "here.app_roles[1].value must not have the same value as here.app_roles[0].value: A",
    ),
    (
        "a role and a scope with the same ID",
        {"app_roles": [role("a", OTHER)], "scopes": [SCOPE]},
        "here.scopes[0].id must not",
    ),
    ("a scope with a space", {"scopes": [{**SCOPE, "value": "a b"}]}, "here.scopes[0].value must be a scope value"),
    ("another type of scope", {"scopes": [{**SCOPE, "type": "admin"}]}, "here.scopes[0].type must be one of User, Ad"),
    (
        "two credentials with the same name",
        {"federated_credentials": [CREDENTIAL, CREDENTIAL]},
        "here.federated_credentials[1].name must not have the same value as here.federated_credentials[0].name: vm",
    ),
    ("a client ID in upper case", {"client_id": ID.upper()}, "here.client_id must be a lowercase GUID"),
    ("a client ID with a line break", {"client_id": f"{ID}\n"}, "here.client_id must be a lowercase GUID"),
    ("an empty secret", {"secrets": [""]}, "here.secrets must be a list of non-empty strings"),
]


@pytest.mark.parametrize(("why", "members", "message"), INVALID, ids=[case[0] for case in INVALID])
def test_invalid_application_is_an_error_that_names_the_member(why, members, message):
    with pytest.raises(TenantFileError) as caught:
        parsed(parse_application, **{**APPLICATION, **members})
    assert str(caught.value).startswith(message)


def test_managed_identity_is_system_or_user_assigned():
    assert parsed(parse_identity, **IDENTITY) == ManagedIdentity("vm", ID, OTHER, "/subscriptions/x", False)
    assert parsed(parse_identity, **{**IDENTITY, "kind": "system"}).system_assigned is True
    for member, value in (("kind", "User"), ("resource_id", "subscriptions/x"), ("resource_id", "")):
        with pytest.raises(TenantFileError, match=f"^here.{member} must be "):
            parsed(parse_identity, **{**IDENTITY, member: value})


def test_user_is_not_an_administrator_by_default():
    assert parsed(parse_user, name="a", object_id=ID) == User("a", ID, admin=False)
    assert parsed(parse_user, name="a", object_id=ID, admin=True).admin is True


def test_members_and_identities_are_references():
    user, identity = User("a", ID, admin=False), ManagedIdentity("vm", ID, OTHER, "/subscriptions/x", True)
    assert parsed(group_parser([user]), name="g", object_id=OTHER, members=["a"]).members == (ID,)
    site = {"name": "s", "identity_header": "secret", "identities": ["vm"]}
    assert parsed(site_parser([identity]), **site).identities == (identity,)
    message = r"^here\.identities\[0\] must be the name of an entry in the file: other is unknown$"
    with pytest.raises(TenantFileError, match=message):
        parsed(site_parser([identity]), **{**site, "identities": ["other"]})
