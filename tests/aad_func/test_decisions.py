"""Authorizer.authorize: roles, scopes, kinds of callers, and roles by setting."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from hypothesis import assume, example, given
from hypothesis import strategies as st

from aad_func.authorization import Authorizer
from aad_func.principal import Principal
from common.problems import Problem
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.attacks.easy_auth import claiming as principal
from tests.support.forge import AZURE_CLI, CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge
from tests.support.users import DEVELOPER
from tests.support.wire import bearer

ASSIGNMENTS = "AAD_FUNC_ROLE_ASSIGNMENTS"
OTHER_OBJECT = "1de00002-0b1d-4000-8000-000000000000"
Configure = Callable[..., None]


@pytest.fixture
def configure(aad_settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    with apps.clean_environment():

        def set_all(**settings: str) -> None:
            for name, value in {**aad_settings, **settings}.items():
                monkeypatch.setenv(name, value)

        set_all()
        yield set_all
        monkeypatch.undo()


@pytest.fixture
def decide(configure: Configure, run, local_azure: LocalTenant) -> Callable[..., str]:
    """Returns the code of the problem, or the roles that were granted by setting after "200"."""

    def outcome(changes: dict[str, Any], *roles: str, **options: Any) -> str:
        claims = {"idtyp": None, **changes}  # the claim is optional
        token = local_azure.token("aad-func", user=claims.pop("user", None), claims=claims)
        headers = dict(bearer(token).headers)
        try:
            caller = run(Authorizer.from_settings().authorize(headers, *roles, **options))
        except Problem as problem:
            return problem.code
        return " ".join(["200", *sorted(caller.roles_from_setting)])

    return outcome


USER: dict[str, Any] = {"user": DEVELOPER}
SCOPE: dict[str, Any] = {"user_scope": "Orders.Read"}
DECISIONS = [
    # claims, roles, options, outcome
    ({}, (), {}, "200"),
    ({"roles": ["A"]}, (), {}, "missing_role"),
    ({"roles": ["A"]}, ("A",), {}, "200"),
    ({"roles": ["B", "C"]}, ("A", "B"), {}, "200"),
    ({"roles": ["C"]}, ("A", "B"), {}, "missing_role"),
    ({}, ("A", "B"), {}, "missing_role"),  # Explicit roles replace the default role.
    (USER, (), {}, "200"),
    ({**USER, "scp": "Files.Read"}, (), {}, "missing_scope"),
    ({**USER, "roles": ["A"]}, ("A",), {}, "200"),
    ({**USER, "roles": None}, ("A",), {}, "missing_role"),
    ({"roles": ["A"]}, ("A",), SCOPE, "200"),
    ({"roles": None}, ("A",), SCOPE, "missing_role"),
    ({**USER, "roles": None, "scp": "Orders.Read"}, ("A",), SCOPE, "200"),
    ({**USER, "roles": ["A"]}, ("A",), SCOPE, "missing_scope"),
    ({}, (), {"callers": "applications"}, "200"),
    ({}, (), {"callers": "users"}, "caller_not_allowed"),
    (USER, (), {"callers": "users"}, "200"),
    (USER, (), {"callers": "applications"}, "caller_not_allowed"),
    ({**USER, "roles": None}, (), {"callers": "users"}, "missing_role"),
    ({**USER, "scp": "Orders.Read"}, ("A",), {"callers": "applications", **SCOPE}, "caller_not_allowed"),
]


@pytest.mark.parametrize(("claims", "roles", "options", "expected"), DECISIONS)
def test_decision(claims, roles, options, expected, decide):
    assert decide(claims, *roles, **options) == expected


def test_repeated_headers_of_a_multidict_are_rejected(configure: Configure, run, local_azure: LocalTenant):
    class Multidict(dict[str, str]):
        """A mapping like Starlette's Headers: `get` returns the first value, `items` all of them."""

        def items(self) -> Any:
            return [(name, value) for name, value in super().items() for _ in range(2)]

    headers = Multidict(bearer(local_azure.token("aad-func")).headers)
    with pytest.raises(Problem, match="malformed_token"):
        run(Authorizer.from_settings().authorize(headers))


# Role assignments from settings

MALFORMED = [
    *("", " ", "A", "A=", "=", "A=*", "A=msi-func", f"={CALLER_OBJECT}", CALLER_OBJECT, f"A:{CALLER_OBJECT}"),
    *(f"A={CALLER_OBJECT},", f"A={CALLER_OBJECT};", f"A={CALLER_OBJECT};A={OTHER_OBJECT}", f"A B={CALLER_OBJECT}"),
    *(f"A,B={CALLER_OBJECT}", f"A={{{CALLER_OBJECT}}}", f"A={CALLER_OBJECT} {OTHER_OBJECT}"),
    f"A={CALLER_OBJECT}\n{OTHER_OBJECT}",
]

GRANTED = [
    (f"A={CALLER_OBJECT}", {}, "200 A"),
    (f"A={CALLER_OBJECT.upper()}", {}, "200 A"),
    (f" A = {OTHER_OBJECT} , {CALLER_OBJECT} ; B={OTHER_OBJECT}", {}, "200 A"),
    (f"A={CALLER_OBJECT};B={CALLER_OBJECT}", {}, "200 A B"),
    (f"A={CALLER_OBJECT}", {"roles": ["A"]}, "200"),  # already in the token
    (f"A={CALLER_OBJECT}", {"idtyp": "app"}, "200 A"),
    (f"B={CALLER_OBJECT}", {}, "missing_role"),
    (f"A={OTHER_OBJECT}", {}, "missing_role"),
    (f"A={CALLER_OBJECT[:-1]}1", {}, "missing_role"),
    (f"A=0{CALLER_OBJECT[1:]}", {}, "missing_role"),
    (f"A={CALLER}", {}, "missing_role"),  # azp
    (f"A={USER_OBJECT}", {**USER, "roles": None}, "missing_role"),
    (f"A={CALLER_OBJECT}", {**USER, "roles": None, "oid": CALLER_OBJECT, "sub": CALLER_OBJECT}, "missing_role"),
    (f"A={CALLER_OBJECT}", {"oid": OTHER_OBJECT, "idtyp": "app"}, "missing_role"),  # sub
    (f"A={CALLER_OBJECT}", {"oid": None, "idtyp": "app"}, "missing_role"),
    (f"A={CALLER_OBJECT}", {"oid": OTHER_OBJECT, "sub": OTHER_OBJECT, "name": CALLER_OBJECT}, "missing_role"),
    (f"A={CALLER_OBJECT}", {"oid": CALLER_OBJECT.upper(), "sub": CALLER_OBJECT.upper()}, "missing_role"),
    (f"A={CALLER_OBJECT}", {"tid": OTHER_OBJECT}, "wrong_tenant"),
    *(
        (malformed, {}, "misconfigured")
        for malformed in MALFORMED
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "claims", "expected"), GRANTED)
def test_setting_grants_roles_to_listed_service_principals_only(setting, claims, expected, configure, decide):
    configure(**{ASSIGNMENTS: setting})
    assert decide({"roles": None, **claims}, "A") == expected


def test_malformed_assignments_name_the_setting(configure: Configure):
    configure(**{ASSIGNMENTS: "A=everyone"})
    with pytest.raises(Problem, match="misconfigured") as raised:
        Authorizer.from_settings()
    assert raised.value.members == {"settings": [ASSIGNMENTS]}
    assert "everyone" not in raised.value.detail


pieces = st.lists(
    st.sampled_from([*"=,; \n*AB", "DoAll", "DoAll=", OTHER_OBJECT, CALLER_OBJECT[:-1], AZURE_CLI, CALLER])
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
    max_size=12,
).map("".join)


@given(pieces)
@example(f"DoAll={OTHER_OBJECT}")
@example(f"DoAll={OTHER_OBJECT},{CALLER_OBJECT[:-1]}")
def test_unlisted_principal_gets_no_role(grants_no_role: Callable[[str], bool], text: str):
    assume(CALLER_OBJECT not in text.lower())
    assert grants_no_role(text)


@pytest.fixture(scope="module")
def grants_no_role(aad_settings) -> Callable[[str], bool]:
    claims = {"aud": "a", "tid": "t", "azp": CALLER, "oid": CALLER_OBJECT, "sub": CALLER_OBJECT, "ver": "2.0"}
    caller = Principal.from_claims(claims, "bearer_token")

    def check(text: str) -> bool:
        with apps.clean_environment(), pytest.MonkeyPatch.context() as patch:
            for name, value in {**aad_settings, ASSIGNMENTS: text}.items():
                patch.setenv(name, value)
            try:
                assignments = Authorizer.from_settings().role_assignments
            except Problem as problem:
                return problem.members == {"settings": [ASSIGNMENTS]}
            return not caller.with_assigned_roles(assignments).roles

    return check


def test_setting_grants_roles_to_easy_auth_principals(configure: Configure, run, forge: Forge):
    configure(**apps.EASY_AUTH, **{ASSIGNMENTS: f"A={CALLER_OBJECT}"})
    caller = run(Authorizer.from_settings().authorize(dict(principal(roles=GONE)(forge).headers), "A"))
    assert (caller.roles, caller.roles_from_setting) == ({"A"}, {"A"})


def test_msi_func_passes_the_members_on(local_azure_server: LocalAzure, aad_host: apps.Host):
    with apps.running(
        apps.msi_settings(local_azure_server, aad_host.url("aad-func"), site="msi-func/slots/staging")
    ) as host:
        inner = requests.get(host.url("msi-func"), timeout=30).json()["downstream"]
    identity = local_azure_server.directory.site("msi-func/slots/staging").identities[0]
    assert inner["caller"] == {
        "kind": "application",
        "client_id": identity.client_id,
        "object_id": identity.object_id,
    }
    assert (inner["roles"], inner["required_roles"]) == ([], ["DoAll"])
    issued, visible = (
        datetime.fromisoformat(inner[name].replace("Z", "+00:00"))
        for name in ("token_issued_at", "new_role_visible_by")
    )
    assert 23 < (visible - issued).total_seconds() / 3600 <= 24.1
