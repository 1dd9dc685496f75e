"""Requests from web pages affect nothing, not even counters and faults."""

import pytest
import requests

from local_azure.cloud import LocalAzure
from tests.support.tenant_requests import control

pytestmark = pytest.mark.usefixtures("local_azure")  # undoes the changes of each test

PAGES = [
    ("a script of another site", {"Origin": "https://evil.example"}),
    ("a page on another local port", {"Origin": "http://127.0.0.1:3000"}),
    ("a sandboxed frame or a file", {"Origin": "null"}),
    ("an image of another site", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
    ("an image of a page on another local port", {"Sec-Fetch-Site": "same-site"}),
    ("a link of another site", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
    ("https to http on this machine", {"Origin": "https://127.0.0.1"}),
]
TENANT = "10ca1000-0000-4000-8000-000000000000"
PATHS = {
    "msi": "/msi/token",
    "imds": "/metadata/identity/oauth2/token",
    "metadata": f"/{TENANT}/v2.0/.well-known/openid-configuration",
    "keys": f"/{TENANT}/discovery/v2.0/keys",
    "token": f"/{TENANT}/oauth2/v2.0/token",
    "graph": "/v1.0/servicePrincipals",
}


@pytest.mark.parametrize(("who", "headers"), PAGES, ids=[case[0] for case in PAGES])
def test_requests_from_web_pages_affect_no_counter_or_fault(who, headers, local_azure_server: LocalAzure):
    for endpoint in PATHS:
        control(local_azure_server, "fault", endpoint=endpoint, status=503, count=1)
    counters, faults = dict(local_azure_server.faults.counters), dict(local_azure_server.faults.faults)
    for endpoint, path in PATHS.items():
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            response = requests.request(method, local_azure_server.origin + path, headers=headers, timeout=10)
            assert (endpoint, method, response.status_code) == (endpoint, method, 403)
            assert "access-control-allow-origin" not in response.headers
    assert (dict(local_azure_server.faults.counters), local_azure_server.faults.faults) == (counters, faults)


@pytest.mark.parametrize(("who", "headers"), PAGES, ids=[case[0] for case in PAGES])
def test_token_endpoint_rejects_web_pages_without_logging(who, headers, local_azure_server: LocalAzure, caplog):
    for version in ("v2.0/", ""):
        url = f"{local_azure_server.origin}/{TENANT}/oauth2/{version}token"
        form = {"grant_type": "\x1b[2J", "client_id": "x"}
        response = requests.post(url, data=form, headers=headers, timeout=10)
        assert response.status_code == 403
        assert response.json() == {"message": "Web pages of other origins cannot use the local tenant."}
    assert caplog.messages == []


ALLOWED = [
    ("a client without a browser's headers", {}),
    ("an address typed into a browser", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}),
    ("Node", {"Sec-Fetch-Mode": "cors"}),
]


@pytest.mark.parametrize(("who", "headers"), ALLOWED, ids=[case[0] for case in ALLOWED])
def test_other_clients_are_accepted(who, headers, local_azure_server: LocalAzure):
    assert requests.get(local_azure_server.origin + PATHS["keys"], headers=headers, timeout=10).status_code == 200
    own = {"Origin": local_azure_server.origin, "Sec-Fetch-Site": "same-origin"}
    assert requests.get(local_azure_server.origin + PATHS["keys"], headers=own, timeout=10).status_code == 200
