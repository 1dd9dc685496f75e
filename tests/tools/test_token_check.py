"""aad-func's verdict on a token, with the settings of this machine."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from common.problems import Problem
from common.remediations import VALIDATION_STEPS
from tests.support import apps
from tests.support.forge import AZURE_CLI, CALLER_OBJECT, GONE, Forge
from tools.claims import read_claims
from tools.token_check import TokenReport, check_token

CLIENT_ID = "aad00002-c11d-4000-8000-000000000000"
SCOPE = f"api://{CLIENT_ID}/.default"
OTHER = "f0000000-0000-4000-8000-000000000000"
Check = Callable[..., TokenReport]


@pytest.fixture
def check(run_tool: Callable[[Any], Any], forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return a function that checks a token with aad-func's settings, changed by `settings`. None removes a setting."""

    def report(token: str, *, scope: str = SCOPE, audience: str = "", **settings: str | None) -> TokenReport:
        known: Mapping[str, str | None] = {**apps.aad_settings(forge.azure), **settings}
        with monkeypatch.context() as patch:
            for name, value in known.items():
                if value is not None:
                    patch.setenv(name, value)
            before = dict(os.environ)
            try:
                return run_tool(check_token(token, read_claims(token), scope, audience=audience))
            finally:
                assert dict(os.environ) == before

    return report


def states(report: TokenReport) -> dict[str, str]:
    """Return the state of each step, by its first code."""
    codes = {name: codes[0] for name, codes in VALIDATION_STEPS}
    return {codes[check.name]: check.state for check in report.checks}


def test_valid_token_passes_every_check(check: Check, forge: Forge):
    report = check(forge.token())
    assert (report.problem, report.code, report.is_verified) == (None, "", True)
    assert set(states(report).values()) == {"ok"}
    assert "missing_scope" not in states(report)  # only users have scopes
    assert states(check(forge.token(user=True)))["missing_scope"] == "ok"


REJECTED: list[tuple[str, dict[str, Any], str, bool]] = [
    ("another issuer", {"iss": "https://login.microsoftonline.com/x/v2.0"}, "wrong_issuer", True),
    ("another tenant", {"tid": OTHER}, "wrong_tenant", True),
    ("another audience", {"aud": OTHER}, "wrong_audience", True),
    ("expired", {"exp": 1_700_000_000}, "token_expired", True),
    ("without the role", {"roles": GONE}, "missing_role", True),
    ("without the scope", {"user": True, "scp": "Files.Read"}, "missing_scope", True),
    ("without a claim", {"ver": GONE}, "invalid_claims", False),
]


@pytest.mark.parametrize(("why", "changes", "code", "verified"), REJECTED, ids=[case[0] for case in REJECTED])
def test_checks_after_the_failed_one_are_skipped(why, changes, code, verified, check: Check, forge: Forge):
    report = check(forge.token(**changes))
    assert (report.code, report.is_verified) == (code, verified)
    order = [codes for _, codes in VALIDATION_STEPS if codes[0] in states(report)]
    place = next(place for place, codes in enumerate(order) if code in codes)
    assert [*states(report).values()] == ["ok"] * place + ["failed"] + ["skipped"] * (len(order) - place - 1)
    assert report.checks[place].code == code
    assert report.checks[place].detail.endswith(f"({code})")


KEYS = ("unknown_key", "bad_signature", "wrong_issuer", "token_expired")
UNKNOWN: list[tuple[str, str, dict[str, str | None], set[str]]] = [
    ("the tenant", SCOPE, {"ENTRA_TENANT_ID": None}, {*KEYS, "wrong_tenant"}),
    ("the client ID, which the scope contains", SCOPE, {"AAD_FUNC_CLIENT_ID": None}, set()),
    ("the client ID", "api://name/.default", {"AAD_FUNC_CLIENT_ID": None}, {"wrong_audience"}),
    (
        "the client ID, but not the audiences",
        "",
        {"AAD_FUNC_CLIENT_ID": None, "AAD_FUNC_AUDIENCES": CLIENT_ID},
        set(),
    ),
    (
        "everything",
        "",
        {"ENTRA_TENANT_ID": None, "AAD_FUNC_CLIENT_ID": None},
        {*KEYS, "wrong_tenant", "wrong_audience"},
    ),
    ("the keys", SCOPE, {"ENTRA_AUTHORITY": "http://127.0.0.1:9"}, set(KEYS)),
]


@pytest.mark.parametrize(("why", "scope", "settings", "skipped"), UNKNOWN, ids=[case[0] for case in UNKNOWN])
def test_check_of_an_unknown_setting_is_skipped(why, scope, settings, skipped, check: Check, forge: Forge):
    report = check(forge.token(), scope=scope, **settings)
    found = states(report)
    assert {code for code, state in found.items() if state == "skipped"} == skipped
    assert set(found.values()) <= {"ok", "skipped"}
    assert report.problem is None
    assert report.is_verified == (not skipped & set(KEYS))


def test_role_is_checked_although_the_signature_cannot_be(check: Check, forge: Forge):
    for settings in ({"ENTRA_TENANT_ID": None}, {"ENTRA_AUTHORITY": "http://127.0.0.1:9"}):
        report = check(forge.token(roles=["Other"]), **settings)
        assert (report.code, report.is_verified) == ("missing_role", False)


def test_another_audience_can_be_accepted_in_addition(check: Check, forge: Forge):
    spelled = f"API://{CLIENT_ID}"
    assert check(forge.token(aud=spelled)).code == "wrong_audience"
    assert check(forge.token(aud=spelled), audience=spelled).code == ""
    assert check(forge.token(aud=OTHER), audience=spelled).code == "wrong_audience"


def test_role_assignments_and_allowed_callers_of_aad_func_apply(check: Check, forge: Forge):
    granted = check(forge.token(roles=GONE), AAD_FUNC_ROLE_ASSIGNMENTS=f"DoAll={CALLER_OBJECT}")
    assert granted.problem is None
    assert "granted by AAD_FUNC_ROLE_ASSIGNMENTS" in {result.detail for result in granted.checks}
    assert check(forge.token(), AAD_FUNC_ALLOWED_CALLERS=AZURE_CLI).code == "caller_not_allowed"


@pytest.mark.parametrize(
    "settings", [{"AAD_FUNC_REQUIRED_ROLE": ""}, {"ENTRA_TENANT_ID": "contoso"}, {"ENTRA_AUTHORITY": "http://x"}]
)
def test_settings_that_misconfigure_aad_func_are_an_error(settings, check: Check, forge: Forge):
    with pytest.raises(Problem, match="misconfigured"):
        check(forge.token(), **settings)


def test_token_is_checked_as_a_bearer_token_even_with_easy_auth(check: Check, forge: Forge):
    settings = {"AAD_FUNC_AUTHENTICATION": "easy_auth", "WEBSITE_AUTH_ENABLED": "true"}
    assert check(forge.token(), **settings).problem is None
    assert check(forge.token(roles=GONE), **settings).code == "missing_role"
