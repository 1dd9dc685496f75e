"""Graph's errors: code, message, request ID and challenge."""

import json
import re

import pytest

from local_azure.graph.errors import GraphError, bad_request, error_response, not_emulated, not_found, timestamp
from tests.local_azure.graph.graph_client import GraphClient

ERRORS = [
    (bad_request("No."), 400, "Request_BadRequest", "No."),
    (not_found("x"), 404, "Request_ResourceNotFound", "Resource 'x' does not exist or one of its queried "),
    (
        not_emulated("x"),
        501,
        "NotImplemented",
        "local_azure does not emulate x. The README of local_azure lists the emulated features.",
    ),
    (GraphError(403, "Authorization_RequestDenied", "No."), 403, "Authorization_RequestDenied", "No."),
]


@pytest.mark.parametrize(("error", "status", "code", "message"), ERRORS, ids=[case[2] for case in ERRORS])
def test_error_has_its_status_code_and_message(error, status, code, message):
    response = error_response(error)
    body = json.loads(response.body)["error"]
    assert (response.status_code, body["code"]) == (status, code)
    assert body["message"].startswith(message)
    assert "www-authenticate" not in response.headers


def test_each_response_has_its_own_request_id():
    one, other = (json.loads(error_response(not_found("x")).body)["error"]["innerError"] for _ in range(2))
    assert one["request-id"] == one["client-request-id"] != other["request-id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", one["date"])


def test_invalid_token_gets_a_challenge(graph: GraphClient):
    response = graph.send("GET", "me", "x.y.z")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm=""')


def test_timestamps_are_in_utc():
    assert timestamp(1_700_000_000.9) == "2023-11-14T22:13:20Z"
