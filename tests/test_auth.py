"""ManagedIdentityAuth: the token for people with their own HTTP client, and to whom it is not given."""

import pytest
import requests
from msi_func.auth import ManagedIdentityAuth

from common.problems import Problem
from tests.support.caller import SCOPE, Caller, caller, made_up_token, token_reply
from tests.support.scripted import Scripted, http

__all__ = ["caller"]


@pytest.fixture
def identity(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.asks(endpoint.origin)
        yield endpoint


def test_each_request_carries_a_token_that_is_asked_for_once(identity: Scripted):
    with Scripted(lambda request: http(200)) as api, requests.Session() as session:
        session.auth = ManagedIdentityAuth(SCOPE)
        for _ in range(3):
            session.get(api.origin, timeout=10)
    assert {request.headers["authorization"] for request in api.requests} == {f"Bearer {made_up_token('token')}"}
    assert len(identity.requests) == 1


@pytest.mark.parametrize("url", ["http://api.example/", "http://10.0.0.1/", "http://127.0.0.1.example/"])
def test_no_token_goes_out_unencrypted(url, identity: Scripted):
    with pytest.raises(Problem) as raised:
        requests.get(url, auth=ManagedIdentityAuth(SCOPE), timeout=10)
    assert raised.value.code == "misconfigured"
    assert identity.requests == []


def test_no_token_follows_a_redirect_to_another_host(identity: Scripted):
    with Scripted(lambda request: http(200)) as other:
        away = other.origin.replace("127.0.0.1", "localhost")
        with Scripted(lambda request: http(302, Location=away)) as api:
            requests.get(api.origin, auth=ManagedIdentityAuth(SCOPE), timeout=10)
    assert "authorization" in api.requests[0].headers
    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("scope", ["api://x", "api://x/user_impersonation", "", "a/.default b/.default"])
def test_a_scope_that_is_no_default_scope_says_what_to_write(scope, caller: Caller):
    with pytest.raises(Problem, match="misconfigured") as raised:
        ManagedIdentityAuth(scope)
    assert "<resource>/.default" in raised.value.detail
