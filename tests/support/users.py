"""Users of the local tenant, signed in to msi-func."""

import requests

from local_azure.cloud import LocalAzure
from tests.support import apps

MSI_FUNC = "0b0f0001-c11d-4000-8000-000000000000"  # msi-func's app registration
IDENTITY = "1de00003-c11d-4000-8000-000000000000"  # the user-assigned identity in its federated credential
DEVELOPER, VISITOR, GUARDED = (f"{name}@local.example" for name in ("developer", "visitor", "guarded"))
MFA = {"amr": ["pwd", "mfa"]}  # claims of a user who signed in with a second factor

# Settings for requests on behalf of users, in addition to the settings of a site.
ON_BEHALF_OF = {
    "MSI_FUNC_CALL_MODES": "app,user",
    "MSI_FUNC_CLIENT_ID": MSI_FUNC,
    "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": IDENTITY,
}


def settings(azure: LocalAzure, aad_url: str, **changes: str) -> dict[str, str]:
    """Return all settings of msi-func for requests on behalf of users."""
    return {**apps.msi_settings(azure, aad_url), **ON_BEHALF_OF, **changes}


def call(host: apps.Host, token: str | None = None, query: str = "?as=user", **headers: str) -> requests.Response:
    """Send a request to msi-func, with the user's token if there is one."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return requests.get(host.url("msi-func") + query, headers=headers, timeout=30)
