"""Faults that make aad-func accept invalid credentials."""

from typing import Any

import pytest

from tests.support.scripted import as_json
from tests.support.tool import Ended
from tests.tools import stage as responses
from tests.tools.fault import API, OTHER, Fault, check
from tests.tools.stage import Stage, by_token


def _same(stage: Stage, reply: Any) -> Ended:
    return stage.fronted(reply, reply)


FAULTS = [
    Fault(
        "forged principal",
        lambda s: s.apps(AAD_FUNC_AUTHENTICATION="easy_auth", WEBSITE_AUTH_ENABLED="True"),
        "aad-func trusts a forged X-MS-CLIENT-PRINCIPAL",
        "Stop the Functions host of aad-func.",
    ),
    Fault(
        "forged principal, settings known",
        lambda s: s.apps(AAD_FUNC_AUTHENTICATION="easy_auth", WEBSITE_AUTH_ENABLED="True", known=True),
        "aad-func trusts a forged X-MS-CLIENT-PRINCIPAL",
        "Stop the Functions host of aad-func.",
    ),
    Fault(
        "anyone",
        lambda s: _same(s, as_json(200, {"caller": {}, "roles": []})),
        "Take aad-func off the network",
        "Stop the Functions host of aad-func.",
    ),
    Fault(
        "forged token",
        lambda s: _same(s, by_token(as_json(200, {"caller": {}, "roles": []}), responses.AAD_401)),
        "aad-func accepts a token with a forged signature",
        "Stop the Functions host of aad-func.",
    ),
    Fault(
        "token for Graph",
        lambda s: s.apps(
            AAD_FUNC_SCOPE="https://graph.microsoft.com/.default",
            AAD_FUNC_AUDIENCES="https://graph.microsoft.com",
            AAD_FUNC_ROLE_ASSIGNMENTS="DoAll=1de00001-0b1d-4000-8000-000000000000",
        ),
        "aad-func accepts a token that any application can get, with the audience https://graph.microsoft.com.",
        "Stop the Functions host of aad-func.",
    ),
    Fault(
        "token for another API",
        lambda s: s.apps(
            AAD_FUNC_SCOPE=f"api://{OTHER}/.default",
            AAD_FUNC_AUDIENCES=OTHER,
            doctor={"AAD_FUNC_CLIENT_ID": API, "ENTRA_TENANT_ID": s.azure.directory.tenant_id},
        ),
        f"aad-func accepts a token for another audience, {OTHER}",
        "Stop the Functions host of aad-func.",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))
