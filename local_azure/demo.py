"""`demo`: this repository's two function apps, each in a host of its own, with a tenant and a managed identity.

The one part of local_azure that knows the app.
"""

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import requests

from local_azure.cloud import LocalAzure
from local_azure.principals import Application
from local_azure.processes import host
from local_azure.server import LOOPBACK, StartError, bind, is_free

APP = Path(__file__).resolve().parent.parent
MSI_PORT, AAD_PORT = 7071, 7072
ROLE = "DoAll"


def run(azure: LocalAzure, *, site: str, api_name: str, once: bool) -> int:
    """Start both apps, call msi-func once, print what came back; stay until stopped, unless `once`.

    Returns 0 where the answer was 200 and carried the role.
    """
    api = _api(azure, api_name)
    msi_port, aad_port = _port(MSI_PORT, "msi-func"), _port(AAD_PORT, "aad-func")
    msi_url, aad_url = (
        f"http://{LOOPBACK}:{port}/api/{name}" for port, name in ((msi_port, "msi-func"), (aad_port, "aad-func"))
    )
    with contextlib.ExitStack() as stack:
        aad = {**_settings(azure, "aad-func", api, aad_url), "AzureWebJobs_msi_func_Disabled": "true"}
        msi = {**_settings(azure, site, api, aad_url), "AzureWebJobs_aad_func_Disabled": "true"}
        stack.enter_context(host(str(APP), aad_port, "aad-func", aad))
        stack.enter_context(host(str(APP), msi_port, "msi-func", msi))
        print(
            _WHERE.format(
                tenant=f"{azure.origin}/{azure.directory.tenant_id}", azure=azure, site=site, msi=msi_url, aad=aad_url
            )
        )
        answer = requests.get(msi_url, timeout=30)
        succeeded = _show(msi_url, answer)
        if not once:
            print(_TRY.format(msi=msi_url, aad=aad_url), flush=True)
            threading.Event().wait()
    return 0 if succeeded else 1


def _api(azure: LocalAzure, name: str) -> Application:
    for app in azure.directory.applications:
        if app.name == name:
            return app
    known = ", ".join(app.name for app in azure.directory.applications)
    raise StartError(f"No application is called {name}; the tenant file has {known}.")


def _port(wanted: int, name: str) -> int:
    if is_free(wanted):
        return wanted
    with bind(0) as listener:
        port: int = listener.getsockname()[1]
    print(f"Port {wanted} is taken, so {name} is on {port}.")
    return port


def _settings(azure: LocalAzure, site: str, api: Application, aad_url: str) -> dict[str, str]:
    return {
        **azure.environment(site),
        "AAD_FUNC_CLIENT_ID": api.client_id,
        "AAD_FUNC_SCOPE": f"{api.app_id_uris[0]}/.default",
        "AAD_FUNC_URL": aad_url,
    }


def _show(url: str, answer: requests.Response) -> bool:
    body: Any = answer.json()
    print(f"GET {url} -> {answer.status_code}\n{json.dumps(body, indent=2)}\n")
    if answer.status_code == 200 and ROLE in body["roles"]:
        caller = body["caller"]
        print(f"aad-func let in the {caller['kind']} {caller['client_id']}, by the role {ROLE} in its token.\n")
        return True
    code = body.get("downstream", {}).get("code") or body.get("code")
    print(f"msi-func did not get in: {code}.\n")
    return False


_WHERE = """
  tenant            {tenant}
  managed identity  {azure.origin}/msi/token, of the site {site}
  msi-func          {msi}
  aad-func          {aad}
"""

_TRY = """Try next, in another terminal:
  curl '{msi}?auth=0'
      calls without a token: aad-func's 401 inside msi-func's 502
  curl -i -H 'X-MS-CLIENT-PRINCIPAL: made-up' {aad}
      asks aad-func directly, claiming to be somebody: 401
  make demo ARGS='--site msi-func/slots/staging'
      (after Ctrl+C here) the same as an identity without the role: 403 missing_role

Ctrl+C stops everything."""
