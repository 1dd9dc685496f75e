"""A role that takes effect a day late, end to end: assigned, and still 403."""

import requests

from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.tenant_requests import STAGING


def post(azure: LocalAzure, path: str, token: str = "", **values: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{azure.origin}/{path}", json=values, headers=headers, timeout=10)


def outcome(host: apps.Host) -> tuple[int, int | None]:
    """Return msi-func's status, and aad-func's if it is another."""
    response = requests.get(host.url("msi-func"), timeout=30)
    return response.status_code, response.json().get("downstream", {}).get("status")


def test_assigned_role_takes_effect_after_a_day_or_with_another_spelling(fresh: LocalAzure):
    api, slot = fresh.directory.application("aad-func"), fresh.directory.site(STAGING).identities[0]
    denied, allowed = (502, 403), (200, None)
    with apps.running({**apps.aad_settings(fresh), "AzureWebJobs.msi_func.Disabled": "true"}) as aad:
        settings = {**apps.msi_settings(fresh, aad.url("aad-func"), site=STAGING)}
        with apps.running(settings) as msi:
            assert outcome(msi) == denied

            admin = {"user": "admin@local.example", "scope": "https://graph.microsoft.com/.default"}
            token = post(fresh, "local-azure/user-token", **admin).json()["access_token"]
            role = {"principalId": slot.object_id, "resourceId": api.object_id, "appRoleId": api.role("DoAll").id}
            where = f"v1.0/servicePrincipals/{api.object_id}/appRoleAssignedTo"
            assert post(fresh, where, token, **role).status_code == 201

            assert outcome(msi) == denied
        with apps.running(settings) as restarted:
            assert outcome(restarted) == denied

            # A version 2 token's audience is the client id, however it was requested.
            capitals = {"AAD_FUNC_SCOPE": settings["AAD_FUNC_SCOPE"].replace(api.client_id, api.client_id.upper())}
            with apps.running({**settings, **capitals}) as shortcut:
                assert outcome(shortcut) == allowed

            assert post(fresh, "local-azure/advance", duration="24h").json()["expired_tokens"] == 2
            # msi-func's own library caches the token as well.
            assert outcome(restarted) == denied
        with apps.running(settings) as again:
            assert outcome(again) == allowed
