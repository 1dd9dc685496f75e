"""Environment variables that let a process use a site's managed identities and trust the local tenant."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_azure.managed_identity import app_service
from local_azure.serving import certificates
from local_azure.serving.ports import LOOPBACK
from local_azure.tenant.principals import Site

# If these variables are set, clients use App Service's identity endpoint instead of IMDS.
APP_SERVICE = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")

# Some clients read only one of these variables. Clients that read both prefer the lowercase one.
_NO_PROXY = ("no_proxy", "NO_PROXY")


def settings(site: Site, tenant_id: str, http: str, https: str, bundle: Path) -> dict[str, str]:
    """Return environment variables. `http` and `https` are origins, and `bundle` is a file of CA certificates.

    App Service sets IDENTITY_ENDPOINT and IDENTITY_HEADER:
    https://learn.microsoft.com/azure/app-service/overview-managed-identity. Azure's client libraries read the variables
    that start with AZURE_, HTTP clients read the variables for certificates and proxies, and the function apps, their
    tools and local_azure read the others.
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
    """Return `no_proxy` and `NO_PROXY`, with the hosts that `environment` lists, 127.0.0.1 and localhost."""
    before = next((environment[name] for name in _NO_PROXY if environment.get(name)), "")
    names = [name.strip() for name in before.split(",") if name.strip()]
    hosts = ",".join([*names, *(name for name in (LOOPBACK, "localhost") if name not in names)])
    return dict.fromkeys(_NO_PROXY, hosts)
