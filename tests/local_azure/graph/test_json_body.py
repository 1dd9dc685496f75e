"""JSON bodies of requests to Graph must be objects."""

import pytest
import requests

from local_azure.serving.request_body import DEFAULT_LIMIT
from tests.local_azure.graph.graph_client import GraphClient

BODIES = [
    ("empty", b""),
    ("not JSON", b"displayName=x"),
    ("truncated", b'{"displayName": "x"'),
    ("not UTF-8", b'{"displayName": "\xff"}'),
    ("a list", b"[{}]"),
    ("a string", b'"x"'),
    ("null", b"null"),
    ("nested too deeply", b'{"a": ' + b"[" * 100_000),
    ("a number with thousands of digits", b'{"a": ' + b"1" * 5000 + b"}"),
    ("too large", b'{"a": "' + b"x" * DEFAULT_LIMIT + b'"}'),
]


@pytest.mark.parametrize(("why", "body"), BODIES, ids=[case[0] for case in BODIES])
def test_body_that_is_not_a_json_object_is_a_client_error(why, body, graph: GraphClient):
    response = graph.send("POST", "groups", graph.token(roles=["Group.ReadWrite.All"]), data=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")
    assert response.json()["error"]["message"] == "Unable to read JSON request payload."


def test_body_is_not_read_without_permission(graph: GraphClient):
    response = requests.post(f"{graph.url}/groups", data=b"displayName=x", timeout=10)
    assert response.status_code == 401
