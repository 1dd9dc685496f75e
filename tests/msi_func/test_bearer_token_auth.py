"""BearerTokenAuth: tokens for `requests`, and requests that get none."""

import pytest
import requests

from common.problems import Problem
from msi_func.bearer_token_auth import BearerTokenAuth
from tests.support.caller import SCOPE, Caller, caller, token_reply, unsigned_token
from tests.support.scripted import Reply, Scripted, http

__all__ = ["caller"]


@pytest.fixture
def identity(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        yield endpoint


def test_token_is_requested_once_and_sent_with_each_request(identity: Scripted):
    with Scripted(lambda request: http(200)) as api, requests.Session() as session:
        session.auth = BearerTokenAuth(SCOPE)
        for _ in range(3):
            session.get(api.origin, timeout=10)
        requests.get(api.origin, auth=BearerTokenAuth(SCOPE), timeout=10)
    assert {request.headers["authorization"] for request in api.requests} == {f"Bearer {unsigned_token('token')}"}
    assert len(identity.requests) == 1


def test_identities_do_not_share_a_token(caller: Caller):
    client_id = "1de00003-c11d-4000-8000-000000000000"
    with Scripted(lambda request: token_reply(mark=request.target)) as endpoint, Scripted(lambda r: http(200)) as api:
        caller.uses_endpoint(endpoint.origin)
        for identity_client_id in (None, client_id, None):
            auth = BearerTokenAuth(SCOPE, identity_client_id=identity_client_id)
            requests.get(api.origin, auth=auth, timeout=10)
    first, second, third = (request.headers["authorization"] for request in api.requests)
    assert first == third != second
    assert [client_id in request.target for request in endpoint.requests] == [False, True]


@pytest.mark.parametrize("url", ["http://api.example/", "http://10.0.0.1/", "http://127.0.0.1.example/"])
def test_token_is_not_sent_unencrypted(url, identity: Scripted):
    with pytest.raises(Problem) as raised:
        requests.get(url, auth=BearerTokenAuth(SCOPE), timeout=10)
    assert raised.value.code == "misconfigured"
    assert identity.requests == []


def test_token_is_not_sent_to_a_redirect_target_on_another_host(identity: Scripted):
    with Scripted(lambda request: http(200)) as other:
        target = other.origin.replace("127.0.0.1", "localhost")
        with Scripted(lambda request: http(302, Location=target)) as api:
            requests.get(api.origin, auth=BearerTokenAuth(SCOPE), timeout=10)
    assert "authorization" in api.requests[0].headers
    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("scope", ["api://x", "api://x/user_impersonation", "", "a/.default b/.default"])
def test_scope_other_than_default_is_misconfigured(scope, caller: Caller):
    with pytest.raises(Problem, match="misconfigured") as raised:
        BearerTokenAuth(scope)
    assert "<App ID URI>/.default" in raised.value.detail


FAILURES = [
    ("an error status", http(400, b'{"statusCode": 400, "message": "No."}', Content_Type="application/json")),
    ("not JSON", http(200, b"<html>")),
    ("a token with a line break", token_reply(access_token="a\r\nHost: evil.example")),
    ("an expired token", token_reply(seconds=-100)),
]


@pytest.mark.parametrize(("why", "reply"), FAILURES, ids=[case[0] for case in FAILURES])
def test_failure_of_the_identity_is_a_problem(why, reply: Reply, caller: Caller):
    with Scripted(lambda request: reply) as endpoint, Scripted(lambda request: http(200)) as api:
        caller.uses_endpoint(endpoint.origin)
        with pytest.raises(Problem) as raised:
            requests.get(api.origin, auth=BearerTokenAuth(SCOPE), timeout=10)
    assert raised.value.code == "token_unavailable"
    assert "evil" not in raised.value.detail
    assert api.requests == []


def test_netrc_and_proxy_are_not_used_for_the_identity_endpoint(caller: Caller, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        BearerTokenAuth(SCOPE)(requests.Request("GET", "https://api.example/").prepare())
    assert "authorization" not in endpoint.requests[0].headers
