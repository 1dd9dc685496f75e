"""The `scope` parameter of a request for a user's token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.entra.errors import TokenRequestError
from local_azure.entra.scopes import parse_scope

SCOPES = [
    ("all consented scopes", "api://orders/.default", ("api://orders", None)),
    ("one scope", "api://orders/read", ("api://orders", ["read"])),
    ("scopes of one resource", "api://orders/read api://orders/write", ("api://orders", ["read", "write"])),
    ("a resource that is a URL with a path", "https://orders.example/v1/read", ("https://orders.example/v1", ["read"])),
    ("a resource with a trailing slash", "https://vault.azure.net//.default", ("https://vault.azure.net/", None)),
    ("a client ID", "aad00002-c11d-4000-8000-000000000000/read", ("aad00002-c11d-4000-8000-000000000000", ["read"])),
    ("scopes of OpenID Connect and of a resource", "openid profile email offline_access a/read", ("a", ["read"])),
    (".default and another scope", "a/read a/.default", ("a", None)),
    ("several spaces", "  a/read   a/write ", ("a", ["read", "write"])),
]


@pytest.mark.parametrize(("why", "scope", "expected"), SCOPES, ids=[case[0] for case in SCOPES])
def test_scope_is_a_resource_and_its_scopes(why, scope, expected):
    assert parse_scope(scope) == expected


INVALID = [
    ("an empty string", ""),
    ("only scopes of OpenID Connect", "openid profile"),
    ("no resource", "read"),
    ("an empty resource", "/.default"),
    ("scopes of two resources", "a/read b/read"),
    ("two resources that differ in case", "a/read A/write"),
    ("one scope with and one without a resource", "a/read write"),
]


@pytest.mark.parametrize(("why", "scope"), INVALID, ids=[case[0] for case in INVALID])
def test_scope_without_exactly_one_resource_is_invalid(why, scope):
    with pytest.raises(TokenRequestError) as caught:
        parse_scope(scope)
    assert (caught.value.code, caught.value.error) == (70011, "invalid_scope")


@given(scope=st.text())
def test_any_scope_is_parsed_or_rejected(scope: str):
    try:
        resource, values = parse_scope(scope)
    except TokenRequestError:
        return
    assert resource
    assert all(f"{resource}/{value}" in scope for value in values or [".default"])
