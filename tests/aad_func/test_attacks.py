"""The attack tables of tests/support/attacks against aad-func in a Functions host, over HTTP."""

from collections.abc import Iterator

import pytest

from tests.support import apps
from tests.support.answers import checked
from tests.support.apps import Host
from tests.support.attacks import Case, authorization, claims, easy_auth, form, header, json_text, rights
from tests.support.forge import CALLER, Forge
from tests.support.wire import Call, bearer, send

TOKENS = {
    "authorization": authorization.AUTHORIZATION,
    "elsewhere": authorization.ELSEWHERE,
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
    "accepted": easy_auth.LET_IN,
    "broken": easy_auth.BROKEN,
    "twice": easy_auth.TWICE,
    "foreign": easy_auth.FOREIGN,
}


def cases(table: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(*case[1:], id=f"{category}: {case[0]}".encode("ascii", "backslashreplace").decode())
        for category, column in table.items()
        for case in column
    ]


def outcome(host: Host, call: Call | str) -> str:
    call = bearer(call) if isinstance(call, str) else call
    return checked(send(host.url("aad-func"), call), call)


@pytest.fixture(scope="module")
def restricted_host(aad_settings: dict[str, str]) -> Iterator[Host]:
    """aad-func that accepts one application only."""
    with apps.running({**aad_settings, "AAD_FUNC_ALLOWED_CALLERS": CALLER}, measured=True) as host:
        yield host


@pytest.mark.parametrize(("expected", "make"), cases(TOKENS))
def test_token_has_the_expected_outcome(expected, make, aad_host: Host, forge: Forge):
    assert outcome(aad_host, make(forge)) == expected


@pytest.mark.parametrize(("expected", "make"), cases({"allowed callers": rights.ALLOWED_CALLERS}))
def test_only_allowed_callers_are_accepted(expected, make, restricted_host: Host, forge: Forge):
    assert outcome(restricted_host, make(forge)) == expected


@pytest.mark.parametrize(("expected", "make"), cases(PRINCIPALS))
def test_client_principal_has_the_expected_outcome(expected, make, easy_auth_host: Host, forge: Forge):
    assert outcome(easy_auth_host, make(forge)) == expected


@pytest.mark.parametrize("spelling", ["true", "TRUE", "tRuE"])
def test_easy_auth_is_enabled_by_true_in_any_case(spelling, aad_settings, forge: Forge):
    with apps.running({**aad_settings, "WEBSITE_AUTH_ENABLED": spelling}) as host:
        assert outcome(host, easy_auth.claiming()(forge)) == "200 application"
        assert outcome(host, forge.token()) == "401 missing_principal"


@pytest.mark.parametrize("spelling", ["", "False", "1", "yes", "true "])
def test_easy_auth_is_disabled_by_any_other_value(spelling, aad_settings, forge: Forge):
    with apps.running({**aad_settings, "WEBSITE_AUTH_ENABLED": spelling}) as host:
        assert outcome(host, easy_auth.claiming()(forge)) == "401 missing_token"
        assert outcome(host, forge.token()) == "200 application"


def test_table_has_over_300_rows_with_unique_names():
    names = [
        (category, case[0]) for table in (TOKENS, PRINCIPALS) for category, column in table.items() for case in column
    ]
    assert len(names) == len(set(names)) > 300


def test_no_part_of_a_token_is_logged(aad_host: Host, forge: Forge):
    token = forge.token(extra="only-in-this-token")
    for call in (bearer(token), bearer(token + "A"), bearer(token.replace(".", "..", 1))):
        outcome(aad_host, call)
    assert not any(part in aad_host.printed for part in ("only-in-this-token", *token.split("."), "Traceback"))
