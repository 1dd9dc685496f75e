"""Tokens for users, like those of `az account get-access-token`."""

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, control


def test_users_token_has_the_scope_and_the_groups_role(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    values = {"user": "developer@local.example", "scope": f"{API}/.default"}
    claims = verified(local_azure_server, control(local_azure_server, "user-token", **values).json()["access_token"])
    assert (claims["scp"], claims["roles"]) == ("user_impersonation", ["DoAll"])
    assert claims["oid"] == "05e50001-0b1d-4000-8000-000000000000" != claims["sub"]
    assert (claims["azp"], claims["azpacr"]) == ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "0")
    assert "idtyp" not in claims

    visitor = {"user": "visitor@local.example", "scope": f"openid {API}/user_impersonation"}
    claims = verified(local_azure_server, control(local_azure_server, "user-token", **visitor).json()["access_token"])
    assert (claims["scp"], claims.get("roles")) == ("user_impersonation", None)


REJECTED = [
    ({"user": "ghost@local.example"}, 50034),
    ({"scope": f"{API}/Read"}, 650053),
    ({"scope": "api://nowhere/.default"}, 500011),
    ({"scope": "user_impersonation"}, 70011),
    ({"scope": f"{API}/.default https://graph.microsoft.com/.default"}, 70011),
    ({"client_id": "dae00001-c11d-4000-8000-000000000000"}, 65001),
    ({"scope": "api://aad00003-c11d-4000-8000-000000000000/.default"}, 50105),
]


@pytest.mark.parametrize(("changes", "code"), REJECTED, ids=[str(code) for _, code in REJECTED])
def test_users_token_errors_have_entras_codes(changes, code, local_azure_server: LocalAzure):
    values = {"user": "developer@local.example", "scope": f"{API}/.default", **changes}
    assert control(local_azure_server, "user-token", **values).json()["error_codes"] == [code]
