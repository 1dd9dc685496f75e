"""Validation steps in aad-func's order, and remediations for each code and kind of caller."""

import re
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from aad_func.authorization import Authorizer
from common.problems import PROBLEM_TYPES, Problem
from common.remediations import CLAIM_DESCRIPTIONS, REMEDIATIONS, TIME_CLAIMS, VALIDATION_STEPS, remediation
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.forge import CALLER, GONE, Forge

OTHER = "f0000000-0000-4000-8000-000000000000"


def with_invalid_signature(token: str) -> str:
    return token.rpartition(".")[0] + "." + "A" * 342


# One fault per step, in order: (changed claims, changed header, change of the signed token).
FAULTS: list[tuple[dict[str, Any], dict[str, Any], Callable[[str], str]]] = [
    ({}, {}, lambda token: ""),
    ({}, {"alg": "none"}, str),
    ({"ver": GONE}, {}, str),
    ({}, {"kid": "unknown"}, str),
    ({}, {}, with_invalid_signature),
    ({"iss": "https://login.microsoftonline.com/x/v2.0"}, {}, str),
    ({"sub": "pairwise", "scp": GONE}, {}, str),
    ({"exp": 1_700_000_000}, {}, str),
    ({"tid": OTHER}, {}, str),
    ({"aud": OTHER}, {}, str),
    ({"roles": GONE}, {}, str),
    ({"scp": "Files.Read"}, {}, str),
    ({"azp": OTHER}, {}, str),
]


@pytest.fixture
def decide(forge: Forge, run: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that returns the code with which aad-func rejects a token with these faults."""
    with apps.clean_environment():
        for name, value in (apps.aad_settings(forge.azure) | {"AAD_FUNC_ALLOWED_CALLERS": CALLER}).items():
            monkeypatch.setenv(name, value)
        authorizer = Authorizer.from_settings()
        monkeypatch.undo()

    def code(*steps: int) -> str:
        claims: dict[str, Any] = {}
        header: dict[str, Any] = {}
        for step in reversed(steps):  # the earlier fault wins, because some exclude each other
            claims |= FAULTS[step][0]
            header |= FAULTS[step][1]
        token = forge.sign(forge.claims(**claims), forge.header(**header))
        for step in reversed(steps):
            token = FAULTS[step][2](token)
        try:
            run(authorizer.authorize({"Authorization": f"Bearer {token}"} if token else {}))
        except Problem as problem:
            return problem.code
        return "accepted"

    return code


@pytest.mark.parametrize("step", range(len(VALIDATION_STEPS)), ids=[name for name, _ in VALIDATION_STEPS])
def test_step_precedes_all_later_ones(step: int, decide: Callable[..., str]):
    assert decide() == "accepted"
    for later in range(step, len(VALIDATION_STEPS)):
        assert decide(step, later) in VALIDATION_STEPS[step][1], VALIDATION_STEPS[later][0]


CALLERS: list[tuple[str, Any, bool]] = [
    ("a user", {"kind": "user"}, True),
    ("an application", {"kind": "application"}, False),
    ("an unknown kind", {"kind": ["user"]}, False),
    ("no kind", {}, False),
    ("not an object", "user", False),
    ("no caller", None, False),
]


@pytest.mark.parametrize(("why", "caller", "is_user"), CALLERS, ids=[case[0] for case in CALLERS])
def test_only_users_are_advised_to_sign_in_again_for_a_missing_role(why, caller, is_user):
    text = remediation("missing_role", {"caller": caller})
    assert ("sign in again" in text) == is_user
    assert ("managed identity" in text) == ("24 hours" in text) == (not is_user)


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_other_remediations_do_not_depend_on_the_caller(code: str):
    assert remediation(code, {}) == REMEDIATIONS[code]
    if code != "missing_role":
        assert remediation(code, {"caller": {"kind": "user"}}) == REMEDIATIONS[code]


def test_unknown_code_has_no_remediation():
    assert remediation("Request_ResourceNotFound", {}) == ""


def test_named_settings_are_documented():
    documented = (apps.APP / "docs" / "settings.md").read_text()
    named = {name for text in REMEDIATIONS.values() for name in re.findall(r"[A-Z]+(?:_[A-Z]+)+", text)}
    assert len(named) > 5
    assert {name for name in named if name not in documented} == set()


@pytest.mark.parametrize("api", ["aad-func", "aad-func-v1"])
def test_every_claim_of_an_application_token_has_a_description(api: str, local_azure: LocalTenant):
    claims = jwt.decode(local_azure.token(api), options={"verify_signature": False})
    assert claims.keys() - CLAIM_DESCRIPTIONS.keys() == {"aio", "rh"}  # internal to Entra
    assert {name for name, value in claims.items() if isinstance(value, int)} == set(TIME_CLAIMS)
