"""Only Easy Auth can set the principal headers."""

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.easy_auth import principal_headers
from tests.support.easy_auth_proxy import call, principal, seen
from tests.support.forge import CALLER, CALLER_OBJECT, USER_OBJECT, Forge


def test_principal_has_an_applications_claims_under_easy_auths_names(front: str, forge: Forge):
    response = call(f"{front}/api", forge.token(roles=["DoAll", "Other"], idtyp="app"))
    found = principal(response)
    assert (found["auth_typ"], sorted(found)) == ("aad", ["auth_typ", "claims", "name_typ", "role_typ"])
    claims = [(claim["typ"], claim["val"]) for claim in found["claims"]]
    # No claim has the type in role_typ. Each app role is a claim of type `roles`.
    assert found["role_typ"] == "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert [value for name, value in claims if name == "roles"] == ["DoAll", "Other"]
    by_name = dict(claims)
    assert by_name["http://schemas.microsoft.com/identity/claims/objectidentifier"] == CALLER_OBJECT
    assert by_name["http://schemas.microsoft.com/identity/claims/tenantid"] == forge.azure.directory.tenant_id
    assert by_name["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"] == CALLER_OBJECT
    assert (by_name["azp"], by_name["ver"], by_name["idtyp"]) == (CALLER, "2.0", "app")
    assert all(isinstance(value, str) for _, value in claims)
    assert not {"oid", "tid", "sub", found["role_typ"]} & by_name.keys()
    headers = seen(response)
    assert headers["x-ms-client-principal-id"] == headers["x-ms-client-principal-name"] == [CALLER_OBJECT]
    assert headers["x-ms-client-principal-idp"] == ["aad"]


def test_principal_has_the_users_name_and_scope(front: str, forge: Forge):
    response = call(front, forge.token(user=True, preferred_username="developer@local.example"))
    assert seen(response)["x-ms-client-principal-name"] == ["developer@local.example"]
    assert seen(response)["x-ms-client-principal-id"] == [USER_OBJECT]
    claims = {claim["typ"]: claim["val"] for claim in principal(response)["claims"]}
    assert claims["http://schemas.microsoft.com/identity/claims/scope"] == "user_impersonation"


FORGED = [
    "X-MS-CLIENT-PRINCIPAL",
    "x-ms-client-principal",
    "X_MS_CLIENT_PRINCIPAL",
    "X-MS_Client-Principal",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "x_ms_client_principal_name",
    "X-Ms-Client-Principal-Idp",
    "X-MS-CLIENT-PRINCIPAL-ANYTHING",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "x_ms_token_aad_id_token",
]


@pytest.mark.parametrize("name", FORGED)
def test_client_principal_headers_from_clients_are_removed(name: str, front: str, forge: Forge):
    assert call(front, None, headers={name: "forged"}).status_code == 401
    response = call(front, forge.token(), headers={name: "forged", "X-Ms-Other": "kept"})
    headers = seen(response)
    assert "forged" not in str(headers)
    assert headers["x-ms-other"] == ["kept"]
    assert {header: len(values) for header, values in headers.items() if header.startswith("x-ms-client")} == {
        "x-ms-client-principal": 1,
        "x-ms-client-principal-id": 1,
        "x-ms-client-principal-name": 1,
        "x-ms-client-principal-idp": 1,
    }


def claims_of(found: dict[str, str]) -> list[tuple[str, str]]:
    principal = json.loads(base64.b64decode(found["X-MS-CLIENT-PRINCIPAL"]))
    return [(claim["typ"], claim["val"]) for claim in principal["claims"]]


NAMES = [
    ("a user in a version 2 token", {"oid": "1", "preferred_username": "a@b", "upn": "c@d"}, "a@b"),
    ("a user with upn", {"oid": "1", "upn": "c@d", "unique_name": "e@f"}, "c@d"),
    ("a user in a version 1 token", {"oid": "1", "unique_name": "e@f"}, "e@f"),
    ("an application", {"oid": "1", "sub": "2"}, "1"),
    ("no object ID", {"sub": "2"}, "2"),
    ("no ID", {}, ""),
    ("a non-ASCII name, in UTF-8", {"oid": "1", "upn": "Zo\u00eb@b"}, "Zo\u00c3\u00ab@b"),
]


@pytest.mark.parametrize(("why", "claims", "name"), NAMES, ids=[case[0] for case in NAMES])
def test_name_is_the_users_sign_in_name_or_the_object_id(why, claims, name):
    assert principal_headers.headers(claims)["X-MS-CLIENT-PRINCIPAL-NAME"] == name


def test_values_are_strings_and_lists_are_one_claim_per_item():
    found = principal_headers.headers(
        {"exp": 5, "groups": ["a", "b"], "empty": [], "flag": True, "nested": {"a": None}}
    )
    assert claims_of(found) == [
        ("exp", "5"),
        ("groups", "a"),
        ("groups", "b"),
        ("flag", "true"),
        ("nested", '{"a": null}'),
    ]


@given(claims=st.dictionaries(st.text(), st.text() | st.lists(st.text()) | st.integers() | st.none()))
def test_claims_cannot_add_a_header_or_a_line(claims):
    found = principal_headers.headers(claims)
    assert set(found) == {f"X-MS-CLIENT-PRINCIPAL{suffix}" for suffix in ("", "-ID", "-NAME", "-IDP")}
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", found["X-MS-CLIENT-PRINCIPAL"])
    assert len(claims_of(found)) == sum(len(value) if isinstance(value, list) else 1 for value in claims.values())


@pytest.mark.parametrize(
    "name", ["X-MS-OTHER", "X-MS-CLIENT", "Authorization", "MY-X-MS-CLIENT-PRINCIPAL", "X-MS-TOKEN"]
)
def test_other_headers_are_not_reserved(name: str):
    assert principal_headers.is_reserved(name) is False
