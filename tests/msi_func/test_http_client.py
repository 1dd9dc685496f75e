"""http_client: limits on time, size and attempts, and an HttpError for any invalid response."""

import asyncio
import contextlib
import gzip
import random
import socket
import socketserver
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from common.problems import Problem
from msi_func import http_client, http_session
from msi_func.http_client import UNTRUSTED_CERTIFICATE, DownstreamResponse
from msi_func.http_session import HttpError
from tests.support.caller import Caller, caller
from tests.support.clock import MUCH_LATER, FastForward
from tests.support.fetching import MAX_BYTES, OK, echo, error_of, fetch
from tests.support.scripted import (
    CLOSE,
    HANG,
    RESET,
    Reply,
    Request,
    Scripted,
    as_json,
    certified,
    dripping,
    http,
    in_turn,
    tunneling_proxy,
)

__all__ = ["caller"]

TOO_LARGE = b"x" * (MAX_BYTES + 1)
BOMB_BYTES = 200_000_000
UNREACHABLE, TIMEOUT, INVALID = "downstream_unreachable", "downstream_timeout", "downstream_invalid_response"


def chunked(*sizes: str) -> Reply:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Reply(head + b"".join(f"{size}\r\nabc\r\n".encode() for size in sizes), then="close")


def compressed(body: bytes, encoding: str = "gzip") -> Reply:
    return http(200, body, Content_Encoding=encoding)


def raw(head: str, body: bytes = b"", then: str = "close") -> Reply:
    return Reply(f"HTTP/1.1 {head}\r\n\r\n".replace("|", "\r\n").encode() + body, then=then)


NOT_HTTP, CLOSED = "the response is not valid HTTP", "the connection was closed early"
BODY, ENCODING = "the body is incomplete", "the Content-Encoding cannot be decoded"
SIZE = f"the response is larger than {MAX_BYTES} bytes"
INVALID_RESPONSES = [
    ("larger than allowed", http(200, TOO_LARGE), INVALID, SIZE),
    ("a redirect larger than allowed", http(302, TOO_LARGE, Location="/next"), INVALID, SIZE),
    ("a chunk of a negative size", chunked("-5"), UNREACHABLE, NOT_HTTP),
    ("a chunk without a size", chunked("zz"), UNREACHABLE, NOT_HTTP),
    ("an invalid chunk after a valid one", chunked("3", "zz"), UNREACHABLE, NOT_HTTP),
    ("a chunk that ends early", chunked("9"), UNREACHABLE, BODY),
    ("a body shorter than its Content-Length", raw("200 OK|Content-Length: 9", b"x"), UNREACHABLE, BODY),
    ("a body longer than its Content-Length", raw("200 OK|Content-Length: 1", b"xyz"), UNREACHABLE, NOT_HTTP),
    ("a negative Content-Length", raw("200 OK|Content-Length: -1", b"x"), UNREACHABLE, NOT_HTTP),
    ("a Content-Length with a sign", raw("200 OK|Content-Length: +1", b"x"), UNREACHABLE, NOT_HTTP),
    ("two lengths", raw("200 OK|Content-Length: 1|Content-Length: 3", b"xyz"), UNREACHABLE, NOT_HTTP),
    ("a list of lengths", raw("200 OK|Content-Length: 3, 3", b"xyz"), UNREACHABLE, NOT_HTTP),
    ("a length and chunks", raw("200 OK|Content-Length: 3|Transfer-Encoding: chunked", b"0"), UNREACHABLE, NOT_HTTP),
    ("a 204 with a body", raw("204 No Content|Content-Length: 3", b"abc"), UNREACHABLE, NOT_HTTP),
    ("a null byte in a header", raw("200 OK|X: \x00|Content-Length: 0"), UNREACHABLE, NOT_HTTP),
    ("a status of four digits", raw("2000 OK|Content-Length: 0"), UNREACHABLE, NOT_HTTP),
    ("not HTTP", Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close"), UNREACHABLE, NOT_HTTP),
    ("HTTP/0.9", Reply(b"hello", then="close"), UNREACHABLE, NOT_HTTP),
    ("10,000 headers", Reply(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000, then="close"), UNREACHABLE, NOT_HTTP),
    (
        "a header of 100,000 bytes",
        Reply(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000, then="close"),
        UNREACHABLE,
        NOT_HTTP,
    ),
    (
        "a trailer of 100,000 bytes",
        Reply(chunked("3").data + b"0\r\nA: " + b"b" * 100_000, then="close"),
        UNREACHABLE,
        NOT_HTTP,
    ),
    ("not gzip", compressed(b"not gzip at all"), INVALID, ENCODING),
    ("an encoding that is not installed", compressed(b"abc", "br"), INVALID, ENCODING),
    ("closed without a response", CLOSE, UNREACHABLE, CLOSED),
    ("connection reset", RESET, UNREACHABLE, CLOSED),
    ("101 without a requested upgrade", raw("101 X|Upgrade: x|Connection: upgrade"), INVALID, "protocols"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("why", "reply", "code", "reason"), INVALID_RESPONSES, ids=[case[0] for case in INVALID_RESPONSES]
)
def test_invalid_response_is_an_http_error(why, reply, code, reason, method, caller: Caller):
    with Scripted(lambda request: reply) as server:
        error = error_of(caller, server.origin, method=method, max_attempts=1)
    assert error.code == code
    assert error.reason.endswith(reason)
    assert error.is_sent


def test_response_that_cannot_be_decoded_is_not_retried(caller: Caller):
    with Scripted(lambda request: compressed(b"not gzip at all")) as server:
        assert error_of(caller, server.origin).reason == ENCODING
    assert len(server.requests) == 1


FRAGMENTS = [
    *(b"HTTP/1.1 " + status + b"\r\n" for status in (b"200 OK", b"100 X", b"101 X", b"204", b"0 X", b"999 X")),
    *(b"Content-Length: " + length + b"\r\n" for length in (b"0", b"3", b"-1", b"9" * 30)),
    *(b"Content-Encoding: " + encoding + b"\r\n" for encoding in (b"gzip", b"deflate", b"br", b"zstd", b"x")),
    *(b"Transfer-Encoding: " + encoding + b"\r\n" for encoding in (b"chunked", b"gzip, chunked", b"\xff")),
    *(b"Connection: " + option + b"\r\n" for option in (b"close", b"upgrade", b"keep-alive")),
    *(b"Upgrade: x\r\n", b"Set-Cookie: \xff=;\r\n", b"Location: http://[\r\n", b"Content-Type: ;\xff\r\n"),
    *(b"\r\n", b"\r", b"\0", b" ", b"3\r\nabc\r\n", b"0\r\n\r\n", b"-5\r\n", b"zz", gzip.compress(b"abc")),
]


@pytest.mark.parametrize("peer", ["API", "proxy"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(), st.lists(st.sampled_from(FRAGMENTS)).map(b"".join)))
def test_any_bytes_are_a_response_or_an_http_error(data: bytes, peer, caller: Caller):
    with Scripted(lambda request: Reply(data, then="close")) as server, contextlib.suppress(HttpError):
        caller.restart()
        caller.set({"HTTPS_PROXY": server.origin})
        url = server.origin if peer == "API" else "https://api.example/"
        assert isinstance(caller.run(fetch(url, 5, method="POST", max_attempts=1)), DownstreamResponse)


UNUSUAL_BUT_VALID = [
    ("an invalid Location", raw("200 OK|Location: http://[|Content-Length: 2", b"ok")),
    ("an invalid cookie", raw("200 OK|Set-Cookie: \xff=;;|Content-Length: 2", b"ok")),
    ("an invalid Content-Type", raw("200 OK|Content-Type: ;;=\xff|Content-Length: 2", b"ok")),
    ("HTTP/1.0 that ends with the connection", Reply(b"HTTP/1.0 200 OK\r\n\r\nok", then="close")),
    ("an unknown Content-Encoding", compressed(b"ok", "unknown")),
    ("gzip", compressed(gzip.compress(b"ok"))),
    ("deflate", compressed(zlib.compress(b"ok"), "deflate")),
    ("1xx responses first", Reply(raw("103 Early Hints|Link: </a>").data + raw("100 Continue").data + OK.data)),
]


@pytest.mark.parametrize(("why", "reply"), UNUSUAL_BUT_VALID, ids=[case[0] for case in UNUSUAL_BUT_VALID])
def test_unusual_response_is_returned(why, reply, caller: Caller):
    with Scripted(lambda request: reply) as server:
        response = caller.run(fetch(server.origin))
    assert (response.status, response.body) == (200, b"ok")


@pytest.mark.parametrize("location", ["/next", "http://[", "/\xff", "http://127.0.0.1:9/", "", "javascript:0"])
def test_redirect_is_returned_and_not_followed(location, caller: Caller):
    with Scripted(lambda request: http(302, b"moved", Location=location)) as server:
        response = caller.run(fetch(server.origin))
    assert (response.status, response.body) == (302, b"moved")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 302])
def test_decompression_bomb_uses_little_memory(status, caller: Caller):
    compressor = zlib.compressobj(wbits=31)
    bomb = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(BOMB_BYTES // 1_000_000)) + compressor.flush()
    with Scripted(lambda request: http(status, bomb, Content_Encoding="gzip", Location="/next")) as server:
        tracemalloc.start()
        try:
            error = error_of(caller, server.origin)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (error.code, len(server.requests)) == (INVALID, 1)
    assert peak < BOMB_BYTES / 10


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 1073741824", "Connection: close"])
def test_one_gibibyte_response_is_cut_off_at_the_limit(length, caller: Caller):
    data = b"x" * 65536
    flood = b"10000\r\n" + data + b"\r\n" if "chunked" in length else data
    with Scripted(lambda request: Reply(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode(), flood=flood)) as server:
        assert error_of(caller, server.origin).code == INVALID
    assert server.flooded < 2**26  # includes the bytes in the sockets' buffers


SLOW = [
    ("no response", HANG),
    ("headers sent byte by byte", dripping(as_json(200, {}, X_Long="b" * 300))),
    ("a body that stops", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", then="hang")),
    ("a body sent byte by byte", Reply(http(200, b"x" * 300).data, drip=True, whole=60)),
    ("100 Continue sent byte by byte", Reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, drip=True)),
]


@pytest.mark.parametrize("transport", ["plain", "tls", "proxy"])
@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_slow_response_ends_at_the_deadline(
    why, reply, transport, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context = certified(tmp_path, monkeypatch) if transport == "tls" else None
    with Scripted(lambda request: reply, tls=context) as server:
        if transport == "proxy":
            monkeypatch.setenv("HTTP_PROXY", server.origin)
        start = time.monotonic()
        error = error_of(caller, "http://api.example/" if transport == "proxy" else server.origin, 0.3)
    assert error.code == TIMEOUT
    assert time.monotonic() - start < MUCH_LATER


def test_hanging_name_resolution_ends_at_the_deadline(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *rest, **options: released.wait(60) and [])
    try:
        start = time.monotonic()
        assert error_of(caller, "http://api.example/", 0.3).code == TIMEOUT
        assert time.monotonic() - start < MUCH_LATER
    finally:
        released.set()


def test_deadline_that_has_passed_is_a_timeout(caller: Caller):
    with Scripted(lambda request: OK) as server:
        assert error_of(caller, server.origin, -1).code == TIMEOUT


def test_untrusted_certificate_is_rejected(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    context = certified(tmp_path, monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE")
    with Scripted(lambda request: OK, tls=context) as server:
        error = error_of(caller, server.origin)
    assert error.reason == UNTRUSTED_CERTIFICATE
    assert error.detail.startswith("The called API cannot be reached: its TLS certificate is not trusted")
    assert "SSL_CERT_FILE" in error.detail
    assert not error.is_sent
    assert server.requests == []


@pytest.fixture(params=["closes", "resets", "sends HTTP", "sends SSH"])
def without_tls(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server without TLS that does `request.param` after the first byte of a handshake."""
    contacted = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            contacted.set()
            if request.param == "resets":
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif request.param == "sends HTTP":
                self.request.sendall(http(400).data)
            elif request.param == "sends SSH":
                self.request.sendall(b"SSH-2.0-OpenSSH\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
    assert contacted.is_set()


def test_failed_tls_handshake_is_not_a_refused_connection(without_tls: int, caller: Caller):
    error = error_of(caller, f"https://127.0.0.1:{without_tls}/", method="POST", max_attempts=1)
    assert (error.code, error.reason, error.is_sent) == (UNREACHABLE, "the TLS handshake failed", False)


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"


def test_interim_responses_are_skipped(caller: Caller):
    """RFC 9110 section 15.2. Otherwise the final response would be read as the response to the next request."""
    with Scripted(lambda request: Reply(INTERIM + http(200, request.target.encode()).data)) as server:
        paths = [f"/user-{number}" for number in range(3)]
        responses = [caller.run(fetch(server.origin + path)) for path in paths]
    assert [(response.status, response.body.decode()) for response in responses] == [(200, path) for path in paths]
    assert server.connections == 1


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_second_response_never_reaches_the_next_request(cut, caller: Caller):
    """The server sends two responses at once. Their last `cut` bytes follow one at a time."""
    stale = http(200, b"stale").data

    def two(request: Request) -> Reply:
        reply = echo(request).data + stale
        return Reply(reply, drip=True, whole=len(reply) - cut)

    with Scripted(two) as server:
        for path in ("/a", "/b", "/c"):
            with contextlib.suppress(HttpError):  # the response itself may be rejected
                assert caller.run(fetch(server.origin + path)).body == path.encode()


@pytest.mark.parametrize(
    ("method", "requests"), [("GET", 3), ("HEAD", 3), ("PUT", 3), ("DELETE", 3), ("POST", 2), ("PATCH", 2)]
)
def test_reset_of_a_reused_connection_is_retried_if_idempotent(method, requests, caller: Caller):
    async def two_requests(server: Scripted) -> None:
        await fetch(server.origin)
        await fetch(server.origin, method=method, body=b"body")

    # A response to HEAD has no body: bytes after its headers would be another response.
    ok = http(200)
    with Scripted(in_turn(ok, RESET, ok)) as server:
        if requests == 3:
            caller.run(two_requests(server))
        else:
            assert caller.problem_of(two_requests(server)).code == UNREACHABLE
    assert len(server.requests) == requests
    assert {request.body for request in server.requests[1:]} == {b"body"}


@pytest.mark.parametrize("reply", [RESET, CLOSE, http(503), http(429)], ids=["reset", "close", "503", "429"])
@pytest.mark.parametrize(("method", "attempts"), [("GET", 4), ("PUT", 4), ("DELETE", 4), ("POST", 1), ("PATCH", 1)])
def test_only_idempotent_requests_are_retried_after_being_sent(
    method, attempts, reply, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http_client, "MAX_BACKOFF", 0.01)
    with Scripted(lambda request: reply) as server, contextlib.suppress(HttpError):
        caller.run(fetch(server.origin, method=method, body=b"same"))
    assert [request.body for request in server.requests] == [b"same"] * attempts


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_refused_connection_is_retried_for_every_method(method, caller: Caller, monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: OK) as stopped:
        pass
    server = Scripted(lambda request: OK, port=int(stopped.origin.rpartition(":")[2]))
    backoffs: list[float] = []

    def start_before_the_second_attempt(low: float, high: float) -> float:
        backoffs.append(high)
        if len(backoffs) == 2:
            server.__enter__()
        return 0.0

    monkeypatch.setattr(random, "uniform", start_before_the_second_attempt)
    assert caller.run(fetch(stopped.origin, method=method, body=b"body")).body == b"ok"
    server.__exit__()
    assert [request.body for request in server.requests] == [b"body"]
    assert backoffs == [0.2, 0.4]


def test_backoff_doubles_up_to_its_maximum(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    backoffs: list[float] = []
    monkeypatch.setattr(random, "uniform", lambda low, high: backoffs.append(high) or 0.0)
    with Scripted(lambda request: http(503)) as server:
        assert caller.run(fetch(server.origin, max_attempts=6)).status == 503
    assert backoffs == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose accept queue is full, so that further SYNs are dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port: int = listener.getsockname()[1]
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(("127.0.0.1", port))
        yield port
        for each in waiting:
            each.close()


@contextmanager
def localhost_is(*addresses: tuple[str, int]) -> Iterator[None]:
    """Resolve localhost to these addresses, in this order, while the block runs."""
    real = socket.getaddrinfo
    found = [each for address in addresses for each in real(*address, type=socket.SOCK_STREAM)]

    def lookup(host: str, *rest: object, **options: object) -> object:
        return found if host == "localhost" else real(host, *rest, **options)  # type: ignore[call-overload]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lookup)
        yield


@pytest.mark.parametrize("addresses", [1, 100])
def test_dropped_connections_end_at_the_deadline(addresses, caller: Caller, silent: int):
    with localhost_is(*[("127.0.0.1", silent)] * addresses):
        start = time.monotonic()
        assert error_of(caller, f"http://localhost:{silent}/", 0.4).code == TIMEOUT
    assert time.monotonic() - start < MUCH_LATER


def test_dropped_connection_leaves_time_for_another_attempt(caller: Caller, silent: int, monkeypatch):
    monkeypatch.setattr(http_session, "CONNECT_TIMEOUT", 0.2)
    error = error_of(caller, f"http://127.0.0.1:{silent}/", method="POST", body=b"x")
    assert (error.reason, error.is_sent) == ("no connection within the time limit", False)


def test_address_after_an_unresponsive_one_is_tried(caller: Caller):
    with Scripted(lambda request: OK) as server:
        port = int(server.origin.rpartition(":")[2])
        # 127.0.0.2 is loopback, too. Its full backlog makes connections to the server's port hang.
        listener = socket.create_server(("127.0.0.2", port), backlog=0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", port))
        with localhost_is(("127.0.0.2", port), ("127.0.0.1", port)):
            assert caller.run(fetch(f"http://localhost:{port}/")).status == 200
        for each in (*waiting, listener):
            each.close()


RESOLUTION, URL_ERROR = "its host name cannot be resolved", "the URL is invalid"
REASONS = [
    ("http://no-such-host.invalid/", RESOLUTION),
    ("http://127.0.0.1:9/", "the connection was refused"),
    ("https://a..b/", RESOLUTION),
    (f"http://{'a' * 70}.example/", RESOLUTION),
    ("http://:80/", URL_ERROR),
    ("http://[", URL_ERROR),
    ("http://127.0.0.1:99999/", URL_ERROR),
    ("http://127.0.0.1.2.3/", URL_ERROR),
]


@pytest.mark.parametrize(("url", "reason"), REASONS)
def test_reason_is_a_fixed_text(url, reason, caller: Caller):
    error = error_of(caller, url, max_attempts=1)
    assert (error.code, error.reason) == (UNREACHABLE, reason)
    assert error.detail == f"The called API cannot be reached: {reason}."


def test_https_request_is_tunneled_through_the_proxy(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with (
        Scripted(echo, tls=certified(tmp_path, monkeypatch, "api.example")) as server,
        tunneling_proxy(server.origin) as (proxy, tunnels),
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:password@"))
        headers = {"Authorization": "Bearer secret"}
        assert caller.run(fetch("https://api.example/path?query", headers=headers)).body == b"/path?query"
        caller.restart()
    (tunnel,) = tunnels
    assert tunnel.startswith(b"CONNECT api.example:443 HTTP/1.1\r\n")
    assert b"Basic dXNlcjpwYXNzd29yZA==" in tunnel
    assert b"secret" not in tunnel
    assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [302, 403, 407, 502, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rejected_connect_is_reported_as_a_proxy_error(status, method, caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_client, "MAX_BACKOFF", 0.01)
    with Scripted(lambda request: http(status, b"no", Location="http://127.0.0.1:9/")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        error = error_of(caller, "https://api.example/", method=method, headers={"Authorization": "Bearer secret"})
    assert (error.reason, error.is_sent) == ("the proxy rejected the connection", False)
    assert {(request.method, request.target) for request in proxy.requests} == {("CONNECT", "api.example:443")}
    assert all("authorization" not in request.headers for request in proxy.requests)
    assert len(proxy.requests) == http_client.MAX_ATTEMPTS


def test_unreachable_proxy_is_reported_as_a_proxy_error(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    error = error_of(caller, "https://api.example/", max_attempts=1)
    assert (error.reason, error.is_sent) == ("the proxy rejected the connection", False)


def test_connect_to_the_proxy_counts_toward_the_deadline(caller: Caller, fast_forward: FastForward, monkeypatch):
    """The proxy delays its response to CONNECT and then hangs. The TLS handshake has only the remaining time."""
    monkeypatch.setattr(http_session, "CONNECT_TIMEOUT", 300)

    def late(request: object) -> Reply:
        fast_forward.leap(29.5)
        return Reply(b"HTTP/1.1 200 OK\r\n\r\n", then="hang")

    with Scripted(late) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        start = fast_forward.real()
        assert error_of(caller, "https://api.example/", 30).code == TIMEOUT
    assert fast_forward.real() - start < MUCH_LATER


def test_cancellation_frees_the_connection(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_session, "MAX_CONNECTIONS", 1)
    arrived = threading.Event()

    def hang_first(request: Request) -> Reply:
        is_first = not arrived.is_set()
        arrived.set()
        return HANG if is_first else OK

    async def cancel_first(url: str) -> bytes:
        first = asyncio.create_task(fetch(url))
        waiting = asyncio.create_task(fetch(url))
        await asyncio.to_thread(arrived.wait, MUCH_LATER)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await waiting
        return (await fetch(url)).body

    with Scripted(hang_first) as server:
        assert caller.run(cancel_first(server.origin)) == b"ok"
    assert server.connections == 2


def test_earlier_response_is_returned_if_a_retry_fails(caller: Caller):
    with Scripted(in_turn(http(503, b"first"), HANG)) as server:
        response = caller.run(fetch(server.origin, 2))
    assert (response.status, response.body) == (503, b"first")


RETRY_AFTER = [
    ("0", 0),
    ("7", 7),
    ("999999999", 999_999_999),
    ("", 0),
    ("soon", 0),
    ("-1", 0),
    ("1.5", 0),
    ("\u0661", 0),
    ("9" * 5000, 0),
    ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
    ("Mon, 01 Jan 2027 00:00:00 +99999999999999999999", 0),
    ("Mon, 01 Jan 2027 00:00:00", 0),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after_is_parsed_or_zero(value, seconds):
    assert http_client.parse_retry_after(value) == seconds


def test_retry_after_as_a_date_is_relative_to_now():
    assert 3e9 < http_client.parse_retry_after("Fri, 31 Dec 2123 23:59:59 GMT") < 4e9


JSON = [
    ("application/json", b'{"a": 1}', {"a": 1}),
    ("application/json; charset=utf-8", b"[]", []),
    ("APPLICATION/JSON", b"null", None),
    ("application/problem+json", b"{}", {}),
    ("application/vnd.api+json;x=y", b'"\xc3\xa9"', "é"),
]


@pytest.mark.parametrize(("content_type", "body", "value"), JSON)
def test_json_is_parsed(content_type, body, value):
    assert DownstreamResponse(200, CIMultiDict({"content-type": content_type}), body).json() == value


NOT_JSON = [
    ("text/html", b"<html>"),
    ("text/html", b"{}"),
    ("", b"{}"),
    ("application/jsonp", b"{}"),
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b'{"a": NaN}'),
    ("application/json", b'{"a": -Infinity}'),
    ("application/json", b'{"a": Infinity}'),
    ("application/json", b'\xef\xbb\xbf{"a": 1}'),
    ("application/json", b"\xff\xfe{\0}\0"),
    ("application/json", "ÿ".encode("latin-1")),
    ("application/json", b"[" * 100_000),
    ("application/json", b"9" * 5000),
]


@pytest.mark.parametrize(("content_type", "body"), NOT_JSON, ids=range(len(NOT_JSON)))
def test_body_that_is_not_json_is_invalid_only_as_json(content_type, body):
    response = DownstreamResponse(200, CIMultiDict({"content-type": content_type}), body)
    assert response.body == body
    with pytest.raises(Problem) as raised:
        response.json()
    assert raised.value.code == "downstream_invalid_response"


def test_representation_contains_neither_headers_nor_body():
    response = DownstreamResponse(200, CIMultiDict({"X": "secret"}), b"secret")
    assert repr(response) == "DownstreamResponse(status=200)"
