"""The attributes of a Principal, and the members of a response that describe the caller."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from aad_func.principal import Principal
from common.problems import Problem
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.attacks.easy_auth import claiming as principal_header
from tests.support.forge import AZURE_CLI, CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge
from tests.support.users import DEVELOPER
from tests.support.wire import send

TENANT = "10ca1000-0000-4000-8000-000000000000"
APPLICATION = {
    "aud": "api://x",
    "tid": TENANT,
    "ver": "2.0",
    "azp": CALLER,
    "azpacr": "2",
    "oid": CALLER_OBJECT,
    "sub": CALLER_OBJECT,
    "roles": ["DoAll"],
}
USER = {**APPLICATION, "azp": AZURE_CLI, "azpacr": "0", "oid": USER_OBJECT, "sub": "pairwise", "scp": "a b"}


def principal(claims: dict[str, Any], **changes: Any) -> Principal:
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not GONE}
    return Principal.from_claims(changed, "bearer_token")


READ: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("an application", APPLICATION, {}, {"kind": "application", "client_id": CALLER, "is_client_authenticated": True}),
    ("a user", USER, {}, {"kind": "user", "client_id": AZURE_CLI, "is_client_authenticated": False}),
    (
        "a version 1 token",
        APPLICATION,
        {"ver": "1.0", "appid": AZURE_CLI, "appidacr": "1", "azpacr": "0"},
        {"client_id": AZURE_CLI, "is_client_authenticated": True},
    ),
    ("a version 2 token with claims of version 1", APPLICATION, {"appid": AZURE_CLI}, {"client_id": CALLER}),
    ("idtyp app without a subject", APPLICATION, {"idtyp": "app", "sub": GONE}, {"kind": "application"}),
    ("idtyp app without an object ID", APPLICATION, {"idtyp": "app", "oid": GONE}, {"object_id": None}),
    ("no roles", APPLICATION, {"roles": GONE}, {"roles": frozenset()}),
    ("a role twice", APPLICATION, {"roles": ["A", "A"]}, {"roles": {"A"}}),
    ("scopes, which only spaces separate", USER, {"scp": " a  b\tc,d "}, {"scopes": {"a", "b\tc,d"}}),
    ("an application's scopes", APPLICATION, {}, {"scopes": frozenset()}),
    ("an unknown way to authenticate", APPLICATION, {"azpacr": "3"}, {"is_client_authenticated": False}),
    ("no way to authenticate", APPLICATION, {"azpacr": GONE}, {"is_client_authenticated": False}),
]


@pytest.mark.parametrize(("why", "claims", "changes", "expected"), READ, ids=[case[0] for case in READ])
def test_claims_are_read(why, claims, changes, expected):
    caller = principal(claims, **changes)
    assert {name: getattr(caller, name) for name in expected} == expected


REJECTED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no audience", APPLICATION, {"aud": GONE}, "invalid_claims"),
    ("two audiences", APPLICATION, {"aud": ["a", "b"]}, "invalid_claims"),
    ("an empty tenant", APPLICATION, {"tid": ""}, "invalid_claims"),
    ("no client", APPLICATION, {"azp": GONE}, "invalid_claims"),
    ("version 1 with the client of version 2 only", APPLICATION, {"ver": "1.0"}, "invalid_claims"),
    ("roles that are a string", APPLICATION, {"roles": "DoAll"}, "invalid_claims"),
    ("a role that is a number", APPLICATION, {"roles": ["DoAll", 1]}, "invalid_claims"),
    ("scopes that are a list", USER, {"scp": ["a"]}, "invalid_claims"),
    ("an object ID that is a number", APPLICATION, {"oid": 1}, "invalid_claims"),
    ("an ID token", USER, {"scp": GONE}, "not_an_access_token"),
    ("a user without a scope", USER, {"scp": " "}, "not_an_access_token"),
    ("an application with scopes", USER, {"idtyp": "app"}, "not_an_access_token"),
    ("a user's idtyp without scopes", APPLICATION, {"idtyp": "user"}, "not_an_access_token"),
    ("an unknown idtyp", APPLICATION, {"idtyp": "device"}, "not_an_access_token"),
    ("neither object ID nor subject", APPLICATION, {"oid": GONE, "sub": GONE}, "not_an_access_token"),
    ("an empty object ID and subject", APPLICATION, {"oid": "", "sub": ""}, "not_an_access_token"),
    ("a token that is bound to a key", APPLICATION, {"cnf": {"kid": "x"}}, "unsupported_token"),
    ("an empty binding", APPLICATION, {"cnf": None}, "unsupported_token"),
]


@pytest.mark.parametrize(("why", "claims", "changes", "code"), REJECTED, ids=[case[0] for case in REJECTED])
def test_claims_of_no_principal_are_rejected(why, claims, changes, code):
    with pytest.raises(Problem) as raised:
        principal(claims, **changes)
    assert raised.value.code == code


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "1.0", "2.0", "app", "user", "a", CALLER_OBJECT]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
any_claims = st.dictionaries(
    st.sampled_from([*USER, "appid", "appidacr", "idtyp", "cnf", "iat", "exp", "other"]), values
)


@given(any_claims)
def test_any_claims_are_a_principal_of_one_kind_or_a_problem(changes: dict[str, Any]):
    claims = {**APPLICATION, **changes}
    try:
        caller = Principal.from_claims(claims, "easy_auth")
    except Problem:
        return
    assert bool(caller.scopes) == (caller.kind == "user")
    assert caller.tenant_id
    assert caller.audience
    assert caller.client_id
    assert json.loads(caller.as_json)["claims"] == claims
    denied = caller.denied("missing_role").members
    assert (denied["authenticated_by"], denied["caller"]["kind"]) == ("easy_auth", caller.kind)


@pytest.mark.parametrize(
    ("claims", "assignments", "roles", "from_setting"),
    [
        (APPLICATION, {"A": {CALLER_OBJECT}}, {"A", "DoAll"}, {"A"}),
        (APPLICATION, {"DoAll": {CALLER_OBJECT}}, {"DoAll"}, set()),
        (APPLICATION, {"A": {CALLER}}, {"DoAll"}, set()),
        (USER, {"A": {USER_OBJECT}}, {"DoAll"}, set()),
        ({**APPLICATION, "idtyp": "app", "oid": ""}, {"A": {""}}, {"DoAll"}, set()),
    ],
    ids=["listed", "in the token as well", "by client ID", "a user", "without an object ID"],
)
def test_setting_grants_roles_by_an_applications_object_id_only(claims, assignments, roles, from_setting):
    caller = principal(claims)
    granted = caller.with_assigned_roles({role: frozenset(ids) for role, ids in assignments.items()})
    assert (granted.roles, granted.roles_from_setting) == (roles, from_setting)
    assert caller.roles == {"DoAll"}


def test_required_role_and_scope_match_exactly():
    caller = principal(USER)
    caller.require_role("Other", "DoAll")
    caller.require_scope("b")
    for role in ("doall", "DoAl", "DoAll ", ""):
        with pytest.raises(Problem, match="missing_role"):
            caller.require_role(role)
    for scope in ("B", "a b", ""):
        with pytest.raises(Problem, match="missing_scope"):
            caller.require_scope(scope)


@pytest.fixture(scope="module")
def assigning_host(aad_settings) -> Iterator[apps.Host]:
    with apps.running(
        {**aad_settings, "AAD_FUNC_ROLE_ASSIGNMENTS": f"DoAll={CALLER_OBJECT}; A={CALLER_OBJECT}"}
    ) as host:
        yield host


def test_response_lists_the_origin_of_each_role(assigning_host: apps.Host, local_azure: LocalTenant):
    def roles(*values: str) -> tuple[Any, Any]:
        headers = {"Authorization": f"Bearer {local_azure.token('aad-func', roles=values)}"}
        body = requests.get(assigning_host.url("aad-func"), headers=headers, timeout=30).json()
        return body["roles"], body["role_sources"]

    assert roles() == (["A", "DoAll"], {"A": "setting", "DoAll": "setting"})
    assert roles("DoAll", "B") == (["A", "B", "DoAll"], {"A": "setting", "B": "token", "DoAll": "token"})


def rfc3339(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def denied(host: apps.Host, token: str) -> dict[str, Any]:
    response = requests.get(host.url("aad-func"), headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert response.status_code == 403
    return {name: value for name, value in response.json().items() if name not in ("title", "status", "detail")}


NOW = int(time.time())
HOUR_LONG, DAY_LONG = ({"iat": NOW - 300, "exp": NOW + seconds} for seconds in (3600, 86_000))


def test_missing_role_names_the_caller_and_when_a_new_role_is_visible(aad_host: apps.Host, local_azure: LocalTenant):
    problem = {
        "code": "missing_role",
        "authenticated_by": "bearer_token",
        "caller": {"kind": "application", "client_id": CALLER, "object_id": CALLER_OBJECT},
        "roles": ["A", "B"],
        "required_roles": ["DoAll"],
        "token_issued_at": rfc3339(NOW - 300),
        "new_role_visible_by": rfc3339(NOW + 86_000),
    }
    assert denied(aad_host, local_azure.token("aad-func", roles=["B", "A"], claims=DAY_LONG)) == problem
    del problem["new_role_visible_by"]
    assert denied(aad_host, local_azure.token("aad-func", roles=["B", "A"], claims=HOUR_LONG)) == problem
    problem |= {"roles": [], "caller": {"kind": "user", "client_id": AZURE_CLI, "object_id": USER_OBJECT}}
    assert denied(aad_host, local_azure.token("aad-func", user=DEVELOPER, roles=[], claims=DAY_LONG)) == problem


@pytest.mark.parametrize("iat", [GONE, None, "yesterday", -1, 10**30, [], "²"])
def test_invalid_iat_is_omitted(iat, aad_host: apps.Host, forge: Forge):
    assert not {"token_issued_at", "new_role_visible_by"} & denied(aad_host, forge.token(roles=[], iat=iat)).keys()


def test_string_times_of_easy_auth_principals_are_used(easy_auth_host: apps.Host, forge: Forge):
    call = principal_header(roles=GONE, iat=str(NOW), exp=str(NOW + 86_400))(forge)
    body = send(easy_auth_host.url("aad-func"), call).body
    assert rfc3339(NOW).encode() in body
    assert rfc3339(NOW + 86_400).encode() in body


def test_caller_not_allowed_names_the_caller(aad_settings, local_azure: LocalTenant):
    with apps.running({**aad_settings, "AAD_FUNC_ALLOWED_CALLERS": AZURE_CLI}) as host:
        problem = denied(host, local_azure.token("aad-func", claims=HOUR_LONG))
    assert problem == {
        "code": "caller_not_allowed",
        "authenticated_by": "bearer_token",
        "caller": {"kind": "application", "client_id": CALLER, "object_id": CALLER_OBJECT},
        "roles": ["DoAll"],
        "token_issued_at": rfc3339(NOW - 300),
    }
