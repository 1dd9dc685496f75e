"""Requests to a local tenant that are valid except for a test's changes."""

import copy
import json
import socket
from pathlib import Path
from typing import Any

import requests

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import DEFAULT_TENANT_FILE, load

API, V1, ASSIGNED = (f"api://aad0000{number}-c11d-4000-8000-000000000000" for number in (2, 1, 3))
STAGING = "msi-func/slots/staging"
SYSTEM, SHARED = load().site("msi-func").identities
JOB, SECRET = "dae00001-c11d-4000-8000-000000000000", "local-only-nightly-job"
MISSING = object()  # a value that omits the member


def request_identity_token(
    azure: LocalAzure, site: str = "msi-func", secret: str | None = None, *, https: bool = False, **query: str
) -> requests.Response:
    """Request a token at the App Service endpoint."""
    settings = azure.environment(site)
    url = settings["IDENTITY_ENDPOINT"]
    if https:
        url = url.replace(azure.origin, azure.https_origin)
    return requests.get(
        url,
        params={"api-version": "2019-08-01", "resource": API, **query},
        headers={"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"] if secret is None else secret},
        timeout=10,
        verify=str(azure.certificates.bundle),
    )


def request_imds_token(
    azure: LocalAzure, headers: dict[str, str] | None = None, slash: str = "", **query: str
) -> requests.Response:
    """Request a token at IMDS."""
    url = f"{azure.origin}/metadata/identity/oauth2/token{slash}"
    query = {"api-version": "2018-02-01", "resource": API, **query}
    headers = {"Metadata": "true"} if headers is None else headers
    return requests.get(url, params=query, headers=headers, timeout=10, allow_redirects=False)


def request_client_token(
    azure: LocalAzure, version: str = "v2.0/", tenant: str | None = None, **form: str
) -> requests.Response:
    """Request a token with the daemon's secret. An empty value omits the parameter."""
    form = {"grant_type": "client_credentials", "client_id": JOB, "client_secret": SECRET, **form}
    url = f"{azure.origin}/{tenant or azure.directory.tenant_id}/oauth2/{version}token"
    return requests.post(url, data={name: value for name, value in form.items() if value}, timeout=10)


def control(azure: LocalAzure, command: str, **values: Any) -> requests.Response:
    """Send a command to the control plane."""
    return requests.post(f"{azure.origin}/local-azure/{command}", json=values, timeout=10)


def changed_tenant_file(folder: Path, path: str, value: object) -> Path:
    """Write the default tenant file with one member changed. `path` is, for example, `applications/1/name`."""
    tenant = json.loads(DEFAULT_TENANT_FILE.read_text("utf-8"))
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split("/")]
    entry = tenant
    for part in parents:
        entry = entry[part]
    if value is MISSING:
        del entry[last]
    else:
        entry[last] = copy.deepcopy(value)
    file = folder / "tenant.json"
    file.write_text(json.dumps(tenant))
    return file


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
