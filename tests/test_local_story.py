"""The story that people meet as "I assigned the role and it still says 403", end to end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support import apps

STAGING = "msi-func/slots/staging"


@pytest.fixture
def azure(state: Path) -> Iterator[LocalAzure]:
    """A tenant for a test that changes it."""
    with LocalAzure(load(), port=0, state=state) as running:
        yield running


def post(azure: LocalAzure, path: str, token: str = "", **values: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{azure.origin}/{path}", json=values, headers=headers, timeout=10)


def outcome(host: apps.Host) -> tuple[int, int | None]:
    """msi-func's status, and aad-func's where that is another."""
    answer = requests.get(host.url("msi-func"), timeout=30)
    return answer.status_code, answer.json().get("downstream", {}).get("status")


def test_a_role_is_seen_after_a_day_or_under_another_spelling_and_not_before(azure: LocalAzure):
    api, slot = azure.directory.application("aad-func"), azure.directory.site(STAGING).identities[0]
    refused, let_in = (502, 403), (200, None)
    with apps.running({**apps.aad_settings(azure), "AzureWebJobs.msi_func.Disabled": "true"}) as aad:
        settings = {**apps.msi_settings(azure, aad.url("aad-func"), site=STAGING)}
        with apps.running(settings) as msi:
            assert outcome(msi) == refused

            admin = {"user": "admin@local.example", "scope": "https://graph.microsoft.com/.default"}
            token = post(azure, "local-azure/user-token", **admin).json()["access_token"]
            role = {"principalId": slot.object_id, "resourceId": api.object_id, "appRoleId": api.role("DoAll").id}
            where = f"v1.0/servicePrincipals/{api.object_id}/appRoleAssignedTo"
            assert post(azure, where, token, **role).status_code == 201

            assert outcome(msi) == refused
        with apps.running(settings) as restarted:
            assert outcome(restarted) == refused

            # A version 2 token's audience is the client id, however it was asked for.
            capitals = {"AAD_FUNC_SCOPE": settings["AAD_FUNC_SCOPE"].replace(api.client_id, api.client_id.upper())}
            with apps.running({**settings, **capitals}) as shortcut:
                assert outcome(shortcut) == let_in

            assert post(azure, "local-azure/clear-token-cache").json() == {"cleared": 2}
            # msi-func's own library keeps the token too.
            assert outcome(restarted) == refused
        with apps.running(settings) as again:
            assert outcome(again) == let_in
