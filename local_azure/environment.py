"""The settings with which a process is one of the tenant's sites: its identity, its tenant, and whom to trust."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_azure import certificates
from local_azure.principals import Site
from local_azure.server import LOOPBACK

MANAGED_IDENTITY_PATH = "/msi/token"

# Where these are, clients do not ask IMDS.
APP_SERVICE = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")

# Clients read one spelling or the other, the lower-case one first.
_NO_PROXY = ("no_proxy", "NO_PROXY")


def settings(site: Site, tenant_id: str, http: str, https: str, bundle: Path) -> dict[str, str]:
    """For the process's environment. `http` and `https` are origins, `bundle` is a file of CA certificates.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity names the first two; the others are those
    that Azure's client libraries read.
    """
    no_proxy = _without_proxy(os.environ)
    return {
        "IDENTITY_ENDPOINT": f"{http}{MANAGED_IDENTITY_PATH}",
        "IDENTITY_HEADER": site.identity_header,
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": http,
        "AZURE_AUTHORITY_HOST": https,
        "AZURE_TENANT_ID": tenant_id,
        "ENTRA_AUTHORITY": https,
        "ENTRA_TENANT_ID": tenant_id,
        **dict.fromkeys(certificates.SETTINGS, str(bundle)),
        **dict.fromkeys(_NO_PROXY, no_proxy),
        "MICROSOFT_GRAPH_URL": https,
        "LOCAL_AZURE_URL": http,
    }


def _without_proxy(environment: Mapping[str, str]) -> str:
    """What goes past the proxy: what went past it before, and this machine."""
    before = next((environment[name] for name in _NO_PROXY if environment.get(name)), "")
    names = [name.strip() for name in before.split(",") if name.strip()]
    return ",".join([*names, *(name for name in (LOOPBACK, "localhost") if name not in names)])
