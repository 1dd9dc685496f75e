"""Requests, tokens and the event loop of the tools."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from common.problems import Problem
from local_azure.testing import LocalTenant
from msi_func import http_session
from msi_func.credentials import AppIdentity
from tests.support.scripted import CLOSE, HANG, Reply, Scripted
from tests.support.scripted import http as reply_http
from tools import http

SCOPE = "api://aad00002-c11d-4000-8000-000000000000/.default"
Run = Callable[[Any], Any]


@pytest.mark.parametrize("status", [200, 302, 429, 503])
def test_response_of_any_status_is_returned_without_a_retry(status, run_tool: Run):
    with Scripted(lambda request: reply_http(status, b"x", Location="/next", Retry_After="0")) as server:
        response = run_tool(http.send("GET", server.origin, seconds=10, max_bytes=100))
    assert (response.status, response.body, len(server.requests)) == (status, b"x", 1)


FAILURES: list[tuple[str, Reply, str]] = [
    ("closed", CLOSE, "the connection was closed early"),
    ("no response", HANG, "no complete response within the time limit"),
    ("too large", reply_http(200, b"x" * 101), "the response is larger than 100 bytes"),
]


@pytest.mark.parametrize(("why", "reply", "reason"), FAILURES, ids=[case[0] for case in FAILURES])
def test_failure_is_one_error_with_a_reason(why, reply, reason, run_tool: Run):
    with Scripted(lambda request: reply) as server, pytest.raises(http.HttpError) as raised:
        run_tool(http.send("GET", server.origin, seconds=0.5 if reply is HANG else 10, max_bytes=100))
    assert (raised.value.reason, len(server.requests)) == (reason, 1)


def test_each_call_requests_a_token(run_tool: Run, local_azure: LocalTenant):
    local_azure.environment()
    for _ in range(2):
        token = run_tool(http.token_for(AppIdentity(), SCOPE))
    assert jwt.decode(token, options={"verify_signature": False})["roles"] == ["DoAll"]
    assert local_azure.requests["msi"] == 2


def test_missing_token_is_reported_with_its_reason(run_tool: Run, local_azure: LocalTenant):
    local_azure.environment("aad-func")
    with pytest.raises(Problem, match="token_unavailable") as raised:
        run_tool(http.token_for(AppIdentity(), SCOPE))
    assert raised.value.members["endpoint_status"] == 400
    assert raised.value.__context__ is not None


def test_tools_share_one_event_loop_until_it_is_closed(run_tool: Run):
    async def session() -> Any:
        return http_session.session()

    first = run_tool(session())
    assert run_tool(session()) is first
    http.close()
    assert first.closed
    http.close()
    second = run_tool(session())
    assert second is not first
    assert not second.closed
