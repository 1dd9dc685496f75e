"""The HTTP server: foreign Host headers, response headers, several listeners, and shutdown."""

import asyncio
import contextlib
import http.client
import socket
import threading

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from local_azure.serving.http_server import BackgroundServer, Listener, require_local_host
from local_azure.serving.ports import bind
from tests.support.tenant_requests import is_listening


async def client_of(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.url.scheme} {request.client.host}")


APP = require_local_host(Starlette(routes=[Route("/", client_of)]))

HOSTS = [
    ("the IP address", "127.0.0.1:{port}", 200),
    ("the host name", "localhost:{port}", 200),
    ("without a port", "localhost", 200),
    ("another site, by DNS rebinding", "evil.example", 400),
    ("a name that starts with the IP address", "127.0.0.1.evil.example", 400),
    ("a name that ends with localhost", "evil.localhost", 400),
    ("another loopback address", "127.0.0.2", 400),
    ("empty", "", 400),
]


@pytest.mark.parametrize(("why", "host", "status"), HOSTS, ids=[case[0] for case in HOSTS])
def test_only_requests_for_this_machine_are_accepted(why, host, status):
    with bind(0) as listener, BackgroundServer(APP, [Listener(listener)]):
        port = listener.getsockname()[1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/", headers={"Host": host.format(port=port)})
        assert connection.getresponse().status == status
        connection.close()


def test_headers_do_not_advertise_the_server_and_proxies_are_not_trusted():
    with bind(0) as listener, BackgroundServer(APP, [Listener(listener)]):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        forwarded = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        response = requests.get(url, headers=forwarded, timeout=10)
    assert response.text == "http 127.0.0.1"
    assert "server" not in response.headers


def test_all_listeners_are_served_and_closed_at_the_end():
    with bind(0) as one, bind(0) as other:
        ports = [listener.getsockname()[1] for listener in (one, other)]
        with BackgroundServer(APP, [Listener(one), Listener(other)]):
            assert [requests.get(f"http://127.0.0.1:{port}", timeout=10).status_code for port in ports] == [200, 200]
    assert not any(map(is_listening, ports))


def test_request_in_flight_does_not_prevent_shutdown():
    arrived = threading.Event()

    async def hang(request: Request) -> PlainTextResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")

    with bind(0) as listener, socket.create_connection(listener.getsockname(), 10) as client:
        with BackgroundServer(Starlette(routes=[Route("/", hang)]), [Listener(listener)]):
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert arrived.wait(10)
        with contextlib.suppress(ConnectionResetError):
            assert b"200 OK" not in b"".join(iter(lambda: client.recv(4096), b""))
