"""Advice for a missing role, and hostile responses that must not change it."""

import pytest

from tools.fresh_token import FreshToken
from tools.role_advice import role_finding

CALLER, OTHER = "1de00001-0b1d-4000-8000-000000000000", "dead0001-0b1d-4000-8000-000000000000"


def problem(required: str, *roles: str) -> dict[str, object]:
    caller = {"kind": "application", "client_id": CALLER, "object_id": CALLER}
    return {"caller": caller, "roles": list(roles), "required_roles": [required]}


MISSPELLED = [("Doall", "DoAll"), ("DoAl", "DoAll"), ("Orders.Raed", "Orders.Read")]
DIFFERENT = [
    ("Orders.ReadWrite", "Orders.Read"),
    ("Orders.ReadWrite.All", "Orders.Read.All"),
    ("Orders.Read.All", "Orders.Read.Own"),
    ("Sites.Read.All", "Files.Read.All"),
    ("DoAll", "Other"),
]


@pytest.mark.parametrize(("required", "held"), MISSPELLED)
def test_misspelled_required_role_is_corrected(required, held):
    finding = role_finding(problem(required, held), None, api=CALLER)
    assert f"AAD_FUNC_REQUIRED_ROLE={held}" in finding.step


@pytest.mark.parametrize(("required", "held"), DIFFERENT)
def test_weaker_role_is_never_advised_as_the_required_one(required, held):
    finding = role_finding(problem(required, held), None, api=CALLER)
    assert "AAD_FUNC_REQUIRED_ROLE" not in finding.step
    assert "tools.roles assign" in finding.step


def test_role_from_a_response_cannot_grant_another_one():
    fresh = FreshToken("api://x/.default", "token", CALLER, has_role=True, is_accepted=False)
    finding = role_finding(problem(f"Admin={OTHER};DoAll"), fresh, api=CALLER)
    assert "ROLE_ASSIGNMENTS" not in finding.step
