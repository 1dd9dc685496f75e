"""Redaction of tokens and function keys in the libraries' debug logs, from a process's first request on."""

import logging
import os
import subprocess
import sys

import pytest

from msi_func.log_redaction import redact_logs
from tests.support import apps
from tests.support.caller import SCOPE, token_reply, unsigned_token
from tests.support.scripted import Reply, Request, Scripted, as_json, http

KEY = "the-key-of-this-function"
TOKEN = unsigned_token("token")

ASYNC = """
import asyncio, contextlib, logging
logging.basicConfig(level=logging.DEBUG)
from common.problems import Problem
from msi_func import http_session
from msi_func.downstream import DownstreamApi

async def main():
    api = DownstreamApi.from_settings("AAD_FUNC")
    for _ in range(2):
        with contextlib.suppress(Problem):
            await api.get()
    await http_session.session().close()

asyncio.run(main(), debug=True)
"""

SYNC = """
import contextlib, logging, os, requests
logging.basicConfig(level=logging.DEBUG)
from common.problems import Problem
from msi_func.bearer_token_auth import BearerTokenAuth

for _ in range(2):
    with contextlib.suppress(Problem):
        requests.get(os.environ["AAD_FUNC_URL"], auth=BearerTokenAuth(os.environ["AAD_FUNC_SCOPE"]), timeout=10)
"""


LOGGED = [
    ("a token", f"Bearer {TOKEN}, x", "Bearer <redacted>, x"),
    ("a part of a token", f"no: {TOKEN.split('.')[2]}", "no: <redacted>"),
    ("a function key", 'GET "/api/x?code=short&a=b"', 'GET "/api/x?code=<redacted>&a=b"'),
    ("a function key after other parameters", "/api/x?a=b&code=a%2Fb==", "/api/x?a=b&code=<redacted>"),
    ("a GUID", "1de00003-c11d-4000-8000-000000000000", "1de00003-c11d-4000-8000-000000000000"),
    ("other text", "GET /a?encode=b 200", "GET /a?encode=b 200"),
]


@pytest.mark.parametrize(("why", "text", "redacted"), LOGGED, ids=[case[0] for case in LOGGED])
@pytest.mark.parametrize("library", ["aiohttp.client", "azure", "msal.created.later", "urllib3.connectionpool"])
def test_secrets_of_a_library_are_redacted(library, why, text, redacted, caplog: pytest.LogCaptureFixture):
    redact_logs()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(library).debug("%s", text)
    assert [record.getMessage() for record in caplog.records] == [redacted]


def test_malformed_log_call_does_not_raise(caplog: pytest.LogCaptureFixture):
    redact_logs()
    logging.getLogger("azure.malformed").warning("%d", TOKEN)
    assert caplog.messages == ["TypeError in a log line"]


def test_stack_trace_of_a_library_is_not_logged(caplog: pytest.LogCaptureFixture):
    redact_logs()
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logging.getLogger("azure.created.later").exception("failed", stack_info=True)
    assert "failed" in caplog.text
    assert "Traceback" not in caplog.text
    assert TOKEN not in caplog.text


def test_logs_of_the_app_are_unchanged(caplog: pytest.LogCaptureFixture):
    redact_logs()
    with caplog.at_level(logging.INFO):
        logging.getLogger("azureish").info("a record of %s", "x" * 50)
        logging.getLogger().handle(logging.makeLogRecord({"levelno": logging.INFO, "msg": "without a logger's name"}))
    assert [record.getMessage() for record in caplog.records] == [
        "a record of " + "x" * 50,
        "without a logger's name",
    ]


def unparsable(request: Request) -> Reply:
    """Return a response that azure-identity cannot parse and quotes, including the token."""
    return http(200, f'{{"access_token": "{TOKEN}", '.encode(), Content_Type="application/json")


IDENTITIES = [
    ("a token", lambda request: token_reply()),
    ("an unparsable response with a token", unparsable),
    ("an error that contains a token", lambda request: as_json(400, {"message": TOKEN})),
]


@pytest.mark.parametrize("script", [ASYNC, SYNC], ids=["DownstreamApi", "BearerTokenAuth"])
@pytest.mark.parametrize(("why", "reply"), IDENTITIES, ids=[case[0] for case in IDENTITIES])
def test_debug_logs_contain_no_secret(why, reply, script):
    with Scripted(reply) as endpoint, Scripted(lambda request: as_json(200, {})) as api, apps.clean_environment():
        environment = {
            **os.environ,
            "IDENTITY_ENDPOINT": f"{endpoint.origin}/msi/token",
            "IDENTITY_HEADER": "secret-of-this-endpoint",
            "AAD_FUNC_URL": f"{api.origin}/api/aad-func?a=b&code={KEY}",
            "AAD_FUNC_SCOPE": SCOPE,
        }
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=apps.APP,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
    assert ran.returncode == 0, ran.stderr
    logged = ran.stdout + ran.stderr
    assert "/msi/token" in logged  # the libraries logged requests
    assert KEY not in logged
    assert "secret-of-this-endpoint" not in logged
    for part in TOKEN.split("."):
        assert part not in logged
    if why == "a token":
        assert len(api.requests) == 2
        assert KEY in api.requests[0].target
