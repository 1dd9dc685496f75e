"""Requests to Graph of the shared tenant, and IDs of its objects."""

from typing import Any

import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support.forge import Forge

GRAPH = "https://graph.microsoft.com"
API = load().application("aad-func")
ROLE = API.role("DoAll").id
SLOT = load().site("msi-func/slots/staging").identities[0]
SHARED = load().site("msi-func").identities[1]
DEVELOPER = "05e50001-0b1d-4000-8000-000000000000"
NOBODY = "10ca1000-0000-4000-8000-00000000000f"
NO_ROLE = "00000000-0000-0000-0000-000000000000"
TO_API = f"servicePrincipals/{API.object_id}/appRoleAssignedTo"


class GraphClient:
    """A client for Graph that uses a token of the tenant's administrator by default."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self.url = f"{azure.origin}/v1.0"

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.user_token()}"}
        return requests.request(method, f"{self.url}/{path}", headers=headers, timeout=10, **options)

    def user_token(self, user: str = "admin@local.example") -> str:
        """Return a user's token for Graph, with all scopes that are available to the user."""
        values = {"user": user, "scope": f"{GRAPH}/.default"}
        response = requests.post(f"{self._azure.origin}/local-azure/user-token", json=values, timeout=10)
        return str(response.json()["access_token"])

    def token(self, **claims: Any) -> str:
        """Return an application's token for Graph with these claims."""
        return Forge(self._azure).token(version=1, **{"aud": GRAPH, **claims})


def triple(principal: str = SHARED.object_id, resource: str = API.object_id, role: str = ROLE) -> dict[str, str]:
    """Return the body of an app role assignment, by default of aad-func's role to shared-identity."""
    return {"principalId": principal, "resourceId": resource, "appRoleId": role}
