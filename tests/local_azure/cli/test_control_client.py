"""Requests to the control plane: their values, errors without control characters, and unreachable tenants."""

import json

import pytest

from local_azure.cli import control_client
from local_azure.serving.errors import StartError
from tests.support.scripted import CLOSE, RESET, Reply, Scripted, as_json, http


def test_get_sends_values_in_the_query_and_omits_missing_values():
    with Scripted(lambda request: as_json(200, {"a": 1})) as tenant:
        assert control_client.send("GET", f"{tenant.origin}/", "settings", {"site": "x", "imds": None}) == {"a": 1}
    (request,) = tenant.requests
    assert (request.method, request.target) == ("GET", "/local-azure/settings?site=x")


def test_post_sends_values_as_json_and_omits_missing_values():
    with Scripted(lambda request: as_json(200, {})) as tenant:
        values = {"endpoint": "msi", "status": 503, "delay": None}
        assert control_client.send("POST", tenant.origin, "fault", values) == {}
    (request,) = tenant.requests
    assert (request.method, request.target) == ("POST", "/local-azure/fault")
    assert json.loads(request.body) == {"endpoint": "msi", "status": 503}
    assert request.headers["content-type"] == "application/json"


ERRORS = [
    ("a message", {"message": "kid must be one of x, y."}, "kid must be one of x, y."),
    ("an OAuth error", {"error": "invalid_grant", "error_description": "AADSTS50034: no user"}, "AADSTS50034: no user"),
    ("control characters", {"message": "a\x1b[2J\nb"}, r"a\x1b[2J\nb"),
]


@pytest.mark.parametrize(("why", "body", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_error_of_the_tenant_is_printed_on_one_line(why, body, message, capsys):
    with Scripted(lambda request: as_json(400, body)) as tenant:
        assert control_client.send("POST", tenant.origin, "remove-key") is None
    assert capsys.readouterr() == ("", f"local_azure: {message}\n")


OTHERS = [
    ("closes the connection", CLOSE),
    ("resets the connection", RESET),
    ("is not a tenant", http(404, b"<html>")),
    ("does not speak HTTP", Reply(b"SSH-2.0-OpenSSH\r\n", then="close")),
]


@pytest.mark.parametrize(("why", "reply"), OTHERS, ids=[case[0] for case in OTHERS])
def test_server_that_is_not_a_tenant_is_an_error_with_its_address(why, reply):
    with (
        Scripted(lambda request: reply) as server,
        pytest.raises(StartError, match=rf"^No local tenant responds at {server.origin}\. Run python -m "),
    ):
        control_client.send("GET", server.origin, "keys")
