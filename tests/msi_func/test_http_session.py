"""http_session: reuse and limits of connections, and settings from the environment."""

import asyncio
import threading
from pathlib import Path

import aiohttp
import pytest
from azure.core.rest import HttpRequest
from yarl import URL

from msi_func import http_session
from msi_func.http_client import DownstreamResponse
from msi_func.http_session import HttpError, IdentityTransport, proxy_for, read_limited
from tests.support.caller import Caller, caller
from tests.support.clock import MUCH_LATER
from tests.support.fetching import OK, echo, error_of, fetch
from tests.support.scripted import Reply, Request, Scripted, as_json, certified, http

__all__ = ["caller"]


def test_cookies_are_not_stored(caller: Caller):
    with Scripted(lambda request: http(200, b"ok", Set_Cookie="session=1; Path=/")) as server:
        for _ in range(2):
            # By host name, because aiohttp's cookie jar ignores cookies of IP addresses.
            caller.run(fetch(server.origin.replace("127.0.0.1", "localhost")))
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_ssl_cert_file_is_trusted(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: OK, tls=certified(tmp_path, monkeypatch)) as server:
        assert caller.run(fetch(server.origin)).body == b"ok"


PUSHED = [("a response", http(200, b"stale").data), ("garbage", b"x"), ("the end of a response", b"\r\n\r\nstale")]


@pytest.mark.parametrize("is_read", [True, False], ids=["read by the event loop", "not read yet"])
@pytest.mark.parametrize(("why", "data"), PUSHED, ids=[case[0] for case in PUSHED])
def test_late_response_never_reaches_the_next_request(why, data, is_read, caller: Caller):
    async def two_requests(server: Scripted) -> bytes:
        assert (await fetch(server.origin + "/a")).body == b"/a"
        server.push(data)  # on loopback, the data has arrived when this returns
        if is_read:
            for _ in range(5):
                await asyncio.sleep(0)
        return (await fetch(server.origin + "/b", method="POST")).body

    with Scripted(echo) as server:
        assert caller.run(two_requests(server)) == b"/b"


def test_connection_closed_by_the_server_is_not_reused(caller: Caller):
    """POST is not retried, so it must not be sent on a connection whose end has arrived."""

    async def two_requests(server: Scripted) -> bytes:
        await fetch(server.origin + "/a")
        server.disconnect()
        return (await fetch(server.origin + "/b", method="POST", body=b"x")).body

    with Scripted(echo) as server:
        assert caller.run(two_requests(server)) == b"/b"
    assert server.connections == 2


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "SOCKS5H://127.0.0.1:9", "ftp://127.0.0.1:9", "127.0.0.1:9"])
def test_proxy_that_is_not_http_is_reported(proxy: str, caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = error_of(caller, "https://api.example/", max_attempts=1)
    assert error.reason == "the environment names a proxy that is neither http nor https"
    assert not error.is_sent


PROXY = "http://proxy.example:3128"
PROXIES = [
    ({}, "http://api.example/", None),
    ({"HTTP_PROXY": PROXY}, "http://api.example/", PROXY),
    ({"http_proxy": PROXY}, "http://api.example/", PROXY),
    ({"HTTP_PROXY": PROXY}, "https://api.example/", None),
    ({"HTTPS_PROXY": PROXY}, "https://api.example/", PROXY),
    ({"ALL_PROXY": PROXY}, "https://api.example/", PROXY),
    ({"ALL_PROXY": PROXY, "HTTPS_PROXY": "http://other:1"}, "https://api.example/", "http://other:1"),
    ({"ALL_PROXY": PROXY, "NO_PROXY": "api.example"}, "https://api.example/", None),
    ({"ALL_PROXY": PROXY, "NO_PROXY": ".example"}, "https://api.example:8443/", None),
    ({"ALL_PROXY": PROXY, "NO_PROXY": "*"}, "https://api.example/", None),
    ({"ALL_PROXY": PROXY, "NO_PROXY": "other.example"}, "https://api.example/", PROXY),
    ({"ALL_PROXY": PROXY}, "http://localhost:8400/", None),
    ({"ALL_PROXY": PROXY}, "http://127.0.0.1:8400/", None),
    ({"ALL_PROXY": PROXY}, "http://127.9.9.9/", None),
    ({"ALL_PROXY": PROXY}, "http://[::1]:8400/", None),
    ({"ALL_PROXY": PROXY}, "http://169.254.129.4:8081/msi/token", None),
    ({"ALL_PROXY": PROXY}, "http://[fe80::1]/", None),
    ({"ALL_PROXY": PROXY}, "https://10.0.0.1/", PROXY),
    ({"ALL_PROXY": PROXY}, "https://localhost.example/", PROXY),
]


@pytest.mark.parametrize(("environment", "url", "expected"), PROXIES)
def test_proxy_is_selected_from_the_environment(environment, url, expected, caller: Caller):
    caller.set(environment)
    assert proxy_for(URL(url).origin()) == expected


def test_local_requests_bypass_the_proxy(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: as_json(200, {"proxy": True})) as proxy, Scripted(lambda request: OK) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        assert caller.run(fetch(server.origin)).body == b"ok"
        assert caller.run(fetch("http://api.example/")).body == b'{"proxy": true}'
    assert [request.target for request in proxy.requests] == ["http://api.example/"]


def test_connections_per_host_are_limited(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_CONNECTIONS", 3)
    all_in_flight = threading.Barrier(3)

    def together(request: Request) -> Reply:
        all_in_flight.wait(MUCH_LATER)  # needs 3 concurrent requests, so the limit is not lower
        return OK

    async def many(url: str) -> list[DownstreamResponse]:
        return await asyncio.gather(*(fetch(url) for _ in range(30)))

    with Scripted(together) as server:
        assert len(caller.run(many(server.origin))) == 30
    assert server.connections == 3


def test_each_event_loop_has_its_own_session(caller: Caller):
    async def session() -> aiohttp.ClientSession:
        assert http_session.session() is http_session.session()
        return http_session.session()

    first = caller.run(session())
    caller.restart()
    assert first.closed
    assert caller.run(session()) is not first


def test_netrc_is_not_read(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Scripted(lambda request: OK) as server:
        caller.run(fetch(server.origin))
    assert "authorization" not in server.requests[0].headers


SIZES = [("empty", b"", 0), ("up to the limit", b"x" * 100, 100), ("one byte above the limit", b"x" * 101, None)]


@pytest.mark.parametrize(("why", "body", "length"), SIZES, ids=[case[0] for case in SIZES])
def test_body_is_read_up_to_its_limit(why, body, length, caller: Caller):
    async def read(url: str) -> int:
        async with http_session.session().get(url) as response:
            return len(await read_limited(response, 100))

    with Scripted(lambda request: http(200, body)) as server:
        if length is not None:
            assert caller.run(read(server.origin)) == length
            return
        problem = caller.problem_of(read(server.origin))
    assert isinstance(problem, HttpError)
    assert (problem.code, problem.reason) == (
        "downstream_invalid_response",
        "the response is larger than 100 bytes",
    )


async def send_by_transport(url: str) -> int:
    """Send a request as azure-identity does, and return the length of the body."""
    async with IdentityTransport(connection_timeout=5, read_timeout=5) as transport:
        response = await transport.send(HttpRequest("GET", url))
        return len(await response.read())


def test_token_response_is_limited_in_size(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_TOKEN_RESPONSE_BYTES", 100)
    with Scripted(lambda request: http(200, b"x" * len(request.target.removeprefix("/")))) as server:
        assert caller.run(send_by_transport(f"{server.origin}/{'x' * 100}")) == 100
        with pytest.raises(HttpError, match="downstream_invalid_response"):
            caller.run(send_by_transport(f"{server.origin}/{'x' * 101}"))


def test_token_request_uses_the_proxy_and_leaves_the_session_open(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    with Scripted(echo) as server, Scripted(lambda request: http(200, b"by proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        assert caller.run(send_by_transport("http://login.example/token")) == len(b"by proxy")
        assert caller.run(send_by_transport(f"{server.origin}/local")) == len(b"/local")
        assert caller.run(fetch(f"{server.origin}/after")).body == b"/after"
    assert [request.target for request in proxy.requests] == ["http://login.example/token"]
