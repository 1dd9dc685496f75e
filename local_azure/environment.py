"""The settings with which a process has a site's managed identities and trusts the local tenant."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_azure.managed_identity import app_service
from local_azure.serving import certificates
from local_azure.serving.ports import LOOPBACK
from local_azure.tenant.principals import Site

# Clients that find these do not use IMDS.
APP_SERVICE = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")

# Clients read one of the two; those that read both prefer lower case.
_NO_PROXY = ("no_proxy", "NO_PROXY")


def settings(site: Site, tenant_id: str, http: str, https: str, bundle: Path) -> dict[str, str]:
    """Return environment variables. `http` and `https` are origins, `bundle` is a file of CA certificates.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity documents the first two; Azure's client
    libraries read the others.
    """
    return {
        "IDENTITY_ENDPOINT": f"{http}{app_service.PATH}",
        "IDENTITY_HEADER": site.identity_header,
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": http,
        "AZURE_AUTHORITY_HOST": https,
        "AZURE_TENANT_ID": tenant_id,
        "ENTRA_AUTHORITY": https,
        "ENTRA_TENANT_ID": tenant_id,
        **dict.fromkeys(certificates.SETTINGS, str(bundle)),
        **without_proxy(os.environ),
        "MICROSOFT_GRAPH_URL": https,
        "LOCAL_AZURE_URL": http,
    }


def without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for hosts that bypass the proxy: those in `environment`, and this machine."""
    before = next((environment[name] for name in _NO_PROXY if environment.get(name)), "")
    names = [name.strip() for name in before.split(",") if name.strip()]
    hosts = ",".join([*names, *(name for name in (LOOPBACK, "localhost") if name not in names)])
    return dict.fromkeys(_NO_PROXY, hosts)
