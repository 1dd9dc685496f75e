"""Faults that keep msi-func's requests from reaching aad-func's code."""

from typing import Any

import pytest

from local_azure.serving.ports import free_port
from tests.support import apps
from tests.support.scripted import HANG, Reply, http
from tests.support.tool import Ended, run
from tests.tools import stage as responses
from tests.tools.fault import Fault, check
from tests.tools.stage import Stage, by_token


def _loop(stage: Stage) -> Ended:
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    settings = {**apps.aad_settings(stage.azure), **apps.msi_settings(stage.azure, f"{url}/msi-func")}
    stage.stack.enter_context(apps.running({**settings, "AAD_FUNC_TIMEOUT_SECONDS": "1"}, port=port))
    return run("doctor", f"{url}/msi-func", "--aad", f"{url}/aad-func")


def _slow(stage: Stage) -> Ended:
    def respond(request: Any) -> Reply:
        return HANG if "authorization" in request.headers else responses.AAD_401

    url = f"{stage.server(respond)}/api/aad-func"
    return stage.apps(direct=url, AAD_FUNC_URL=url, AAD_FUNC_TIMEOUT_SECONDS="1")


def _same(stage: Stage, reply: Any) -> Ended:
    return stage.fronted(reply, reply)


FAULTS = [
    Fault(
        "not running",
        lambda s: s.apps(direct="http://127.0.0.1:9/api/aad-func", AAD_FUNC_URL="http://127.0.0.1:9/api/aad-func"),
        "msi-func cannot reach aad-func, nor can this machine. Nothing listens at 127.0.0.1:9",
        "Start the Functions host of aad-func",
    ),
    Fault(
        "refused connection, aad-func is running",
        lambda s: s.apps(AAD_FUNC_URL="http://127.0.0.1:9/api/aad-func"),
        "AAD_FUNC_URL is wrong. aad-func is running, but msi-func's request failed: the connection was refused.",
        "Set AAD_FUNC_URL=http://127.0.0.1:",
    ),
    Fault(
        "certificate that msi-func does not trust",
        lambda s: s.apps(AAD_FUNC_URL=f"{s.server(responses.AAD_401, tls=s.untrusted_tls())}/api/aad-func"),
        "aad-func responds to this machine, but msi-func does not trust aad-func's TLS certificate.",
        "Set SSL_CERT_FILE=",
    ),
    Fault(
        "https to a http port",
        lambda s: s.apps(AAD_FUNC_URL=s.azure.origin.replace("http:", "https:"), direct=False),
        "msi-func cannot reach aad-func: the TLS handshake failed.",
        "--aad 'https://<aad-func app>",
    ),
    Fault(
        "unknown host",
        lambda s: s.apps(AAD_FUNC_URL="https://aad-func.invalid/api/aad-func", direct=False),
        "msi-func cannot reach aad-func: its host name cannot be resolved.",
        "--aad 'https://<aad-func app>",
    ),
    Fault(
        "wrong path, aad-func is running",
        lambda s: s.fronted(http(404), responses.AAD_401),
        "AAD_FUNC_URL is wrong. The response is 404, although aad-func is running.",
        "Set AAD_FUNC_URL=http://127.0.0.1:",
    ),
    Fault(
        "disabled",
        lambda s: s.apps(**{"AzureWebJobs.aad_func.Disabled": "true"}),
        "The function aad_func is disabled",
        "Remove AzureWebJobs.aad_func.Disabled",
    ),
    Fault(
        "404 without further evidence",
        lambda s: s.apps(direct=False, **{"AzureWebJobs.aad_func.Disabled": "true"}),
        "AAD_FUNC_URL is wrong, or aad_func is disabled",
        "--aad 'https://<aad-func app>",
    ),
    Fault(
        "start page",
        lambda s: s.fronted(responses.START_PAGE, responses.AAD_401),
        "AAD_FUNC_URL does not lead to aad-func",
        "Set AAD_FUNC_URL=http://127.0.0.1:",
    ),
    Fault("msi-func itself", _loop, "such as msi-func itself", "Set AAD_FUNC_URL=http://127.0.0.1:"),
    Fault(
        "msi-func itself, with a function key",
        lambda s: s.fronted(responses.FUNCTION_KEY_401, responses.AAD_401),
        "AAD_FUNC_URL leads to another app, such as msi-func itself",
        "Set AAD_FUNC_URL=http://127.0.0.1:",
    ),
    Fault(
        "slow identity endpoint",
        lambda s: s.fault("msi", delay=2).apps(AAD_FUNC_TIMEOUT_SECONDS="1"),
        "The identity endpoint is unreachable or did not respond",
        "Restart the Functions host of msi-func",
    ),
    Fault(
        "slow API",
        _slow,
        "aad-func does not respond within msi-func's AAD_FUNC_TIMEOUT_SECONDS",
        "Set AAD_FUNC_TIMEOUT_SECONDS=30",
    ),
    Fault(
        "stopped",
        lambda s: _same(s, responses.STOPPED),
        "The app aad-func is stopped.",
        "Start the Functions host of aad-func",
    ),
    Fault(
        "access restriction",
        lambda s: _same(s, responses.IP_FORBIDDEN),
        "An access restriction of aad-func blocks this machine.",
        "allow 203.0.113.7",
    ),
    Fault(
        "access restriction of msi-func only",
        lambda s: s.fronted(responses.IP_FORBIDDEN, responses.AAD_401),
        "blocks msi-func's outbound addresses, but not this machine",
        "aad-func > Settings > Networking",
    ),
    Fault(
        "Easy Auth 403",
        lambda s: s.fronted(by_token(responses.FORBIDDEN, responses.EASY_AUTH_401), responses.EASY_AUTH_401),
        "Easy Auth of aad-func does not allow msi-func's identity",
        "allowed client applications",
    ),
    Fault(
        "403 without further evidence",
        lambda s: s.fronted(responses.FORBIDDEN),
        "aad-func is stopped, or its access restrictions or Easy Auth block msi-func (403).",
        "--aad 'https://<aad-func app>",
    ),
    Fault(
        "Easy Auth 401",
        lambda s: _same(s, responses.EASY_AUTH_401),
        "Easy Auth in front of aad-func rejected the token (401).",
        "Allowed token audiences",
    ),
    Fault(
        "Easy Auth of another registration",
        lambda s: s.easy_auth(api="aad-func-v1"),
        "Easy Auth in front of aad-func rejected the token (401).",
        "Allowed token audiences",
    ),
    Fault(
        "Easy Auth 401, anonymous allowed",
        lambda s: s.fronted(by_token(responses.EASY_AUTH_401, responses.AAD_401), responses.AAD_401),
        "Easy Auth in front of aad-func rejected the token (401).",
        "Allowed token audiences",
    ),
    Fault(
        "sign-in page",
        lambda s: _same(s, responses.SIGN_IN),
        "Easy Auth of aad-func redirects to a sign-in page.",
        "Unauthenticated requests to HTTP 401",
    ),
    Fault(
        "throttled",
        lambda s: _same(s, http(429)),
        "aad-func throttles requests (429).",
        "sleep 60; python -m tools.doctor",
    ),
    Fault(
        "front end 503",
        lambda s: _same(s, responses.FRONT_END_503),
        "App Service cannot reach aad-func (503)",
        "Restart the Functions host of aad-func",
    ),
    Fault(
        "a crash",
        lambda s: s.fronted(by_token(http(500), responses.AAD_401), responses.AAD_401),
        "aad-func failed with status 500",
        "Read the output of the Functions host of aad-func",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.why for fault in FAULTS])
def test_fault_has_its_verdict_step_and_exit_code(fault: Fault, stage: Stage, record_property):
    record_property("seconds to the verdict", check(fault, stage))
