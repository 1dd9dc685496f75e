"""As the user who calls, with settings that do not fit the tenant: what is told, and to whom."""

import pytest

from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.apps import Host
from tests.support.users import call, on_behalf_of_settings, settings, user_token

WRONG_SETTINGS = [
    (401, "interaction_required", {"AAD_FUNC_SCOPE": "api://aad00001-c11d-4000-8000-000000000000/.default"}),
    (403, "user_not_assigned", {"AAD_FUNC_SCOPE": "api://aad00003-c11d-4000-8000-000000000000/.default"}),
    (502, "token_unavailable", {"AAD_FUNC_SCOPE": "api://nowhere/.default"}),
    (502, "federated_credential_mismatch", {"MSI_FUNC_CLIENT_ID": "dae00001-c11d-4000-8000-000000000000"}),
    (502, "token_unavailable", {"MSI_FUNC_CLIENT_ID": "dae0000f-c11d-4000-8000-000000000000"}),
    (
        502,
        "federated_credential_mismatch",
        {"MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00001-c11d-4000-8000-000000000000"},
    ),
    (502, "token_unavailable", {"MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00002-c11d-4000-8000-000000000000"}),
    (502, "token_unavailable", {"ENTRA_TENANT_ID": "10ca1000-0000-4000-8000-00000000000f"}),
    (502, "token_unavailable", {"ENTRA_AUTHORITY": "https://127.0.0.1:1"}),
    (502, "token_unavailable", {"REQUESTS_CA_BUNDLE": None}),
    (500, "misconfigured", {"ENTRA_AUTHORITY": "http://127.0.0.1:8400"}),
    (500, "misconfigured", {"MSI_FUNC_CLIENT_ID": None}),
]


@pytest.mark.parametrize(("status", "code", "changes"), WRONG_SETTINGS, ids=[str(case[2]) for case in WRONG_SETTINGS])
def test_what_is_wrong_with_the_settings_is_told(status, code, changes, azure: LocalAzure, aad_host: Host):
    with apps.running(settings(azure, aad_host.url("aad-func"), **changes)) as running:
        answer = call(running, user_token(azure))
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    if status == 401:
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    if code == "misconfigured":
        assert body["settings"] == list(changes)


def test_all_missing_settings_are_named_at_once_and_the_apps_own_calls_go_on(azure: LocalAzure, aad_host: Host):
    gone = dict.fromkeys(on_behalf_of_settings(azure))
    with apps.running(settings(azure, aad_host.url("aad-func"), **gone)) as running:
        answer = call(running, user_token(azure))
        assert call(running, query="").status_code == 200
    named = ["ENTRA_TENANT_ID", "MSI_FUNC_CLIENT_ID", "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"]
    assert answer.json()["settings"] == named
