"""The requests of tests/support/attacks, sent to the function and to an ASGI app with and without a Functions host.

A Functions host joins repeated headers; without one, they arrive separately.
"""

import contextlib
from collections.abc import Iterator

import pytest

from aad_func.authorization import Authorizer
from common.problems import Problem
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.apps import Host
from tests.support.attacks import Case, authorization, claims, easy_auth, form, header, json_text, rights
from tests.support.forge import CALLER, Forge
from tests.support.responses import check_response
from tests.support.wire import Call, bearer, send

ASGI_APP = apps.APP / "tests" / "support" / "asgi_app"
TOKENS = {
    "authorization": authorization.AUTHORIZATION,
    "other location": authorization.OTHER_LOCATIONS,
    "platform headers": authorization.PLATFORM_HEADERS,
    "form": form.FORM,
    "alg": header.ALG,
    "header": header.MEMBERS,
    "kid": header.KID,
    "offered keys": header.OFFERED_KEYS,
    "json": json_text.JSON,
    "unusual json": json_text.UNUSUAL,
    "times": claims.TIMES,
    "issuer": claims.ISSUER,
    "tenant and audience": claims.TENANT_AND_AUDIENCE,
    "kind": claims.KIND,
    "roles": rights.ROLES,
    "scopes": rights.SCOPES,
    "signatures": rights.SIGNATURES,
}
PRINCIPALS = {
    "accepted": easy_auth.ACCEPTED,
    "malformed": easy_auth.MALFORMED,
    "duplicate": easy_auth.DUPLICATES,
    "rejected": easy_auth.REJECTED,
}


def cases(table: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(*case[1:], id=f"{category}: {case[0]}".encode("ascii", "backslashreplace").decode())
        for category, rows in table.items()
        for case in rows
    ]


def outcome(host: Host | str, call: Call | str) -> str:
    call = bearer(call) if isinstance(call, str) else call
    origin = host if isinstance(host, str) else host.origin
    return check_response(send(f"{origin}/api/aad-func", call), call)


FRAMEWORKS = ["function", "ASGI in a Functions host", "ASGI"]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def origin(request: pytest.FixtureRequest, aad_settings: dict[str, str]) -> Iterator[str]:
    """The origin of an aad-func that validates tokens."""
    with served(request.param, aad_settings) as running:
        yield running


@pytest.fixture(scope="module", params=FRAMEWORKS)
def easy_auth_origin(request: pytest.FixtureRequest, aad_settings: dict[str, str]) -> Iterator[str]:
    """The origin of an aad-func that relies on Easy Auth's principal."""
    with served(request.param, {**aad_settings, **apps.EASY_AUTH}) as running:
        yield running


@contextlib.contextmanager
def served(framework: str, settings: dict[str, str]) -> Iterator[str]:
    if framework == "ASGI":
        with apps.serving_asgi(settings) as running:
            yield running
    else:
        folder = apps.APP if framework == "function" else ASGI_APP
        with apps.running(settings, folder=folder, measured=folder == apps.APP) as host:
            yield host.origin


@pytest.fixture(scope="module")
def restricted_host(aad_settings: dict[str, str]) -> Iterator[Host]:
    """An aad-func that accepts one application only."""
    with apps.running({**aad_settings, "AAD_FUNC_ALLOWED_CALLERS": CALLER}, measured=True) as host:
        yield host


@pytest.mark.parametrize(("expected", "make"), cases(TOKENS))
def test_token_has_the_expected_outcome(expected, make, origin: str, forge: Forge):
    assert outcome(origin, make(forge)) == expected


@pytest.mark.parametrize(("expected", "make"), cases({"allowed callers": rights.ALLOWED_CALLERS}))
def test_only_allowed_callers_are_accepted(expected, make, restricted_host: Host, forge: Forge):
    assert outcome(restricted_host, make(forge)) == expected


@pytest.mark.parametrize(("expected", "make"), cases(PRINCIPALS))
def test_client_principal_has_the_expected_outcome(expected, make, easy_auth_origin: str, forge: Forge):
    assert outcome(easy_auth_origin, make(forge)) == expected


AUTHENTICATION = [
    (authentication, platform)
    for authentication in (None, "token", "easy_auth", "", "both", "Easy_Auth")
    for platform in (None, "True", "true", "TRUE", "False", "", "1", "yes", "true ")
]


def accepted_scheme(authentication: str | None, platform: str | None) -> str:
    """Return the accepted kind of credentials. Intentionally a second implementation."""
    if authentication in (None, "token"):
        return "token"
    return "easy_auth" if authentication == "easy_auth" and (platform or "").lower() == "true" else "none"


@pytest.mark.parametrize(("authentication", "platform"), AUTHENTICATION)
def test_principal_header_is_used_only_if_setting_and_platform_enable_easy_auth(
    authentication, platform, run, aad_settings, monkeypatch: pytest.MonkeyPatch, forge: Forge
):
    async def admitted(call: Call) -> str:
        try:
            caller = await Authorizer.from_settings().authorize(dict(call.headers))
        except Problem as problem:
            return problem.code
        return caller.authenticated_by

    with apps.clean_environment(), monkeypatch.context() as patch:
        optional = {"AAD_FUNC_AUTHENTICATION": authentication, "WEBSITE_AUTH_ENABLED": platform}
        for name, value in {**aad_settings, **optional}.items():
            if value is not None:
                patch.setenv(name, value)
        forged, token = easy_auth.claiming()(forge), bearer(forge.token())
        outcomes = [run(admitted(call)) for call in (forged, token, Call(forged.headers + token.headers))]
    assert (
        outcomes
        == {
            "token": ["missing_token", "bearer_token", "bearer_token"],
            "easy_auth": ["easy_auth", "missing_principal", "easy_auth"],
            "none": ["misconfigured"] * 3,
        }[accepted_scheme(authentication, platform)]
    )


def test_forged_principal_is_rejected_if_only_the_platform_setting_is_set(aad_settings, forge: Forge):
    with apps.running({**aad_settings, "WEBSITE_AUTH_ENABLED": "True"}) as host:
        assert outcome(host, easy_auth.claiming()(forge)) == "401 missing_token"
        assert outcome(host, forge.token()) == "200 application"


def test_tables_have_over_300_cases_with_unique_names():
    names = [(category, case[0]) for table in (TOKENS, PRINCIPALS) for category, rows in table.items() for case in rows]
    assert len(names) == len(set(names)) > 300


def test_no_part_of_a_token_is_logged(aad_host: Host, local_azure: LocalTenant):
    token = local_azure.token("aad-func", claims={"extra": "only-in-this-token"})
    for call in (bearer(token), bearer(token + "A"), bearer(token.replace(".", "..", 1))):
        outcome(aad_host, call)
    assert not any(part in aad_host.printed for part in ("only-in-this-token", *token.split("."), "Traceback"))
