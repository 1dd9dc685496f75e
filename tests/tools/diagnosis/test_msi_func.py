"""Faults that keep the doctor's requests from reaching msi-func's code."""

import pytest

from tests.support.scripted import HANG, RESET, Reply, as_json, http
from tests.support.tool import Ended
from tests.tools import stage as responses
from tests.tools.fault import Fault, check
from tests.tools.stage import Stage


def _key(stage: Stage, **settings: str) -> Ended:
    return stage.page(responses.FUNCTION_KEY_401, **settings)


FAULTS = [
    Fault(
        "not running",
        lambda s: s.url("http://127.0.0.1:9/api/msi-func"),
        "Nothing listens at 127.0.0.1:9. Is msi-func",
        "func start",
        3,
    ),
    Fault(
        "unknown host",
        lambda s: s.url("https://msi-func.invalid/api/msi-func"),
        "host name msi-func.invalid",
        "defaultHostName",
        3,
    ),
    Fault(
        "untrusted TLS",
        lambda s: s.url(f"{s.server(http(200), tls=s.untrusted_tls())}/api/msi-func"),
        "TLS handshake with msi-func",
        "openssl s_client -connect 127.0.0.1",
        3,
    ),
    Fault(
        "https to a http port",
        lambda s: s.url(s.azure.origin.replace("http:", "https:") + "/api/msi-func"),
        "TLS handshake with msi-func",
        "openssl",
        3,
    ),
    Fault(
        "no response", lambda s: s.page(HANG, "--timeout", "1"), "did not respond within 1 seconds", "--timeout 120", 3
    ),
    Fault(
        "connection reset",
        lambda s: s.page(RESET),
        "no usable response from msi-func: the connection was closed early",
        "Read the output of the Functions host of msi-func",
        3,
    ),
    Fault(
        "not HTTP",
        lambda s: s.page(Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close")),
        "does not speak HTTP",
        "Correct the scheme or the port",
        3,
    ),
    Fault(
        "proxy is down",
        lambda s: s.url("https://proxied.invalid/api/msi-func", HTTPS_PROXY="http://127.0.0.1:9"),
        "The proxy of this machine does not connect to proxied.invalid:443",
        "NO_PROXY=proxied.invalid",
        3,
    ),
    Fault(
        "stopped",
        lambda s: s.page(responses.STOPPED),
        "The app msi-func is stopped.",
        "Start the Functions host of msi-func",
    ),
    Fault(
        "access restriction",
        lambda s: s.page(responses.IP_FORBIDDEN),
        "An access restriction of msi-func blocks this machine.",
        "allow 203.0.113.7",
    ),
    Fault(
        "front end 503",
        lambda s: s.page(responses.FRONT_END_503),
        "App Service cannot reach msi-func (503)",
        "Restart the Functions host of msi-func",
    ),
    Fault("throttled", lambda s: s.page(http(429)), "msi-func throttles requests (429).", "sleep 60; python"),
    Fault(
        "403 without a page",
        lambda s: s.page(responses.FORBIDDEN),
        "Easy Auth or an access restriction of msi-func rejects this machine (403).",
        "In the portal, open msi-func",
    ),
    Fault(
        "published without a build",
        lambda s: s.page(as_json(500, {"code": "misconfigured", "detail": "No aiohttp.", "package": "aiohttp"})),
        "msi-func: No aiohttp.",
        "func azure functionapp publish '<msi-func app>' --python",
    ),
    Fault(
        "start page",
        lambda s: s.page(responses.START_PAGE, path="/"),
        "The path of the URL is /, but the path of msi-func is /api/msi-func.",
        "/api/msi-func",
    ),
    Fault(
        "sign-in page",
        lambda s: s.page(responses.SIGN_IN),
        "Easy Auth of msi-func redirects to a sign-in page.",
        "Unauthenticated requests to HTTP 401",
    ),
    Fault(
        "moved",
        lambda s: s.page(http(301, Location="https://www.example.org/")),
        "redirects to www.example.org",
        "Use the URL of the app msi-func",
    ),
    Fault(
        "moved to https",
        lambda s: s.page(http(301, Location="https://127.0.0.1/api/msi-func")),
        "The URL of msi-func redirects",
        "https://127.0.0.1",
    ),
    Fault(
        "disabled",
        lambda s: s.apps(**{"AzureWebJobs.msi_func.Disabled": "true"}),
        "The app has no function msi_func",
        "Remove AzureWebJobs.msi_func.Disabled",
    ),
    Fault(
        "wrong path",
        lambda s: s.page(http(404), path="/api/msi_func"),
        "The path of the URL is /api/msi_func",
        "/api/msi-func",
    ),
    Fault("function key", _key, "msi-func requires a function key.", "read -rs MSI_FUNC_KEY"),
    Fault(
        "wrong function key",
        lambda s: _key(s, MSI_FUNC_KEY="k" * 56),
        "The function key in MSI_FUNC_KEY is not msi-func's.",
        "read -rs MSI_FUNC_KEY",
    ),
    Fault(
        "Easy Auth in front of msi-func",
        lambda s: s.page(responses.EASY_AUTH_401),
        "Easy Auth in front of msi-func rejected the request.",
        "msi-func > Settings > Authentication",
    ),
    Fault(
        "another site",
        lambda s: s.page(http(200, b"<html>")),
        "The server at the URL is not msi-func (status 200).",
        "must end with /api/msi-func",
    ),
    Fault(
        "a crash",
        lambda s: s.page(http(500)),
        "msi-func failed with status 500",
        "Read the output of the Functions host of msi-func",
    ),
    Fault(
        "aad-func's URL",
        lambda s: s.page(responses.AAD_401, path="/api/aad-func"),
        "The URL is aad-func's, not msi-func's.",
        "/api/aad-func",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))
