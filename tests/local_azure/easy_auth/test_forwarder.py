"""Forwarding of requests and responses, unchanged."""

import re

import pytest

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.forwarder import Forwarder, UpstreamUnreachable, without_hop_by_hop
from local_azure.serving.errors import StartError
from tests.support.easy_auth_proxy import call, easy_auth, seen
from tests.support.forge import Forge
from tests.support.scripted import CLOSE, RESET, Reply, Scripted, http


def test_request_and_response_are_forwarded_unchanged(front: str, forge: Forge):
    token = forge.token()
    url = f"{front}/api/a%2Fb//c?q=%20x&q=2&status=404"
    response = call(url, token, "POST", data=b"body", headers={"X-Mine": "1", "Connection": "X-Mine, keep-alive"})
    assert response.status_code == 404
    assert response.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    echoed = response.json()
    assert (echoed["method"], echoed["body"]) == ("POST", "body")
    assert echoed["target"] == "/api/a%2Fb//c?q=%20x&q=2&status=404"
    headers = seen(response)
    assert headers["authorization"] == [f"Bearer {token}"]
    assert headers["host"] == [front.removeprefix("http://")]
    assert headers["content-length"] == ["4"]
    assert "x-mine" not in headers


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7072", "https://127.0.0.1", "http://", "http://127.0.0.1/api", "http://x:y"]
)
def test_invalid_url_is_an_error(url: str, local_azure_server: LocalAzure):
    message = f"^{re.escape(url)} must be an http URL without a path, such as http://127"
    with pytest.raises(StartError, match=message), easy_auth(local_azure_server, url):
        pass


def test_hop_by_hop_headers_are_removed():
    sent = [
        ("Connection", "X-Mine, keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("X-Mine", "1"),
        ("x-MINE", "2"),
        ("TE", "trailers"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("Proxy-Authorization", "Basic x"),
        ("Accept", "*/*"),
        ("X-Other", "1"),
        ("X-Other", "2"),
    ]
    assert without_hop_by_hop(sent) == [("Accept", "*/*"), ("X-Other", "1"), ("X-Other", "2")]


def test_path_and_headers_are_sent_unchanged():
    headers = [("Host", "orders.example"), ("X-Name", "Zo\u00eb"), ("X-Twice", "1"), ("X-Twice", "2")]
    with Scripted(lambda request: http(200, b"ok")) as app:
        response = Forwarder(app.origin).send("GET", "//a/../b%2Fc?q=%20", headers, b"")
        assert b"".join(response.body) == b"ok"
    (request,) = app.requests
    assert (request.method, request.target, request.headers["host"]) == ("GET", "//a/../b%2Fc?q=%20", "orders.example")
    assert not {"accept-encoding", "user-agent", "cookie"} & request.headers.keys()


def test_response_is_returned_before_its_body_is_complete():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"
    with Scripted(lambda request: Reply(head, then="hang")) as app:
        response = Forwarder(app.origin).send("GET", "/", [("Host", "x")], b"")
        assert (response.status, next(response.body)) == (200, b"first")
        response.body.close()


UNREACHABLE = [
    ("resets the connection", RESET),
    ("closes the connection", CLOSE),
    ("does not speak HTTP", Reply(b"SSH-2.0-OpenSSH\r\n", then="close")),
    ("sends an invalid status", Reply(b"HTTP/1.1 abc OK\r\n\r\n", then="close")),
    ("sends too many headers", Reply(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", then="close")),
]


@pytest.mark.parametrize(("why", "reply"), UNREACHABLE, ids=[case[0] for case in UNREACHABLE])
def test_app_that_sends_no_valid_response_is_unreachable(why, reply):
    with Scripted(lambda request: reply) as app, pytest.raises(UpstreamUnreachable):
        Forwarder(app.origin).send("GET", "/", [("Host", "x")], b"")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/a b", []),
        ("/a\r\nX-Forged: 1", []),
        ("/", [("X-Name", "a\r\nX-Forged: 1")]),
        ("/", [("X-A: b\r\nX-Forged", "1")]),
    ],
)
def test_request_that_would_forge_a_header_is_not_sent(path, headers):
    with Scripted(lambda request: http(200)) as app, pytest.raises(UpstreamUnreachable):
        Forwarder(app.origin).send("GET", path, headers, b"")
    assert app.requests == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:7072", "http://127.0.0.1:7072/", "http://localhost", "http://[::1]:7072"]
)
def test_valid_url_is_accepted(url: str):
    assert Forwarder(url)
