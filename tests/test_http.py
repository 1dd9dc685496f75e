"""common.http: whatever the other side does, bounded in time and size, and one of four outcomes."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common import http
from tests.support import apps
from tests.support.clock import MUCH_LATER, FastForward
from tests.support.scripted import CLOSE, HANG, RESET, Reply, Scripted, as_json, certified, dripping
from tests.support.scripted import http as reply_of

SECONDS, MANY = 30.0, 1024 * 1024
LARGE = b"x" * (MANY + 1)
BOMB = gzip.compress(b"\0" * 50_000_000)


@pytest.fixture(autouse=True)
def no_settings() -> Iterator[None]:
    with apps.clean_environment():
        yield


def get(url: str, seconds: float = SECONDS) -> http.Answer:
    with http.session() as session:
        return http.get(session, url, seconds=seconds, max_bytes=MANY)


def chunked(*sizes: str) -> Reply:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Reply(head + b"".join(f"{size}\r\nabc\r\n".encode() for size in sizes), then="close")


OUTCOMES = [
    ("more than allowed", reply_of(200, LARGE), http.TooLarge),
    ("a redirect with more than allowed", reply_of(302, LARGE, Location="/next"), http.TooLarge),
    ("a chunk of a negative size", chunked("-5"), http.Unreachable),
    ("a chunk without a size", chunked("zz"), http.Unreachable),
    ("a body that breaks off", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", then="close"), http.Unreachable),
    ("a negative length", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", then="hang"), http.HttpError),
    ("no HTTP", Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close"), http.Unreachable),
    ("endless headers", Reply(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000, then="close"), http.Unreachable),
    ("a header without an end", Reply(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000, then="close"), http.Unreachable),
    ("nothing, and the connection closed", CLOSE, http.Unreachable),
    ("a reset", RESET, http.Unreachable),
]


@pytest.mark.parametrize(("why", "reply", "outcome"), OUTCOMES, ids=[case[0] for case in OUTCOMES])
def test_an_answer_that_is_none_is_an_error_of_ours(why, reply, outcome):
    with Scripted(lambda request: reply) as server, pytest.raises(outcome):
        get(server.origin, 1)


@pytest.mark.parametrize("location", ["/next", "http://[", "/\xff", "http://127.0.0.1:9/", "", "javascript:0"])
def test_a_redirect_is_an_answer_and_leads_nowhere(location):
    with Scripted(lambda request: reply_of(302, b"moved", Location=location)) as server:
        answer = get(server.origin)
    assert (answer.status, answer.body) == (302, b"moved")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 302])
def test_nothing_is_unpacked(status):
    reply = reply_of(status, BOMB, Content_Encoding="gzip", Location="/next")
    with Scripted(lambda request: reply) as server:
        assert get(server.origin).body == BOMB
    assert server.requests[0].headers["accept-encoding"] == "identity"


SLOW = [
    ("nothing", HANG),
    ("headers byte by byte", dripping(as_json(200, {}, X_Long="b" * 300))),
    ("a body that stops", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", then="hang")),
    ("a body byte by byte", Reply(reply_of(200, b"x" * 300).data, drip=True, whole=60)),
    ("100 Continue for ever", Reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, drip=True)),
]


@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_a_slow_answer_is_cut_off_in_time(why, reply, way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    context = certified(tmp_path, monkeypatch) if way == "tls" else None
    with Scripted(lambda request: reply, tls=context) as server:
        if way == "proxy":
            monkeypatch.setenv("HTTP_PROXY", server.origin)
        start = time.monotonic()
        with pytest.raises(http.TooSlow):
            get("http://api.example/" if way == "proxy" else server.origin, 0.3)
    assert time.monotonic() - start < MUCH_LATER


def test_an_answer_over_tls_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: as_json(200, {}), tls=certified(tmp_path, monkeypatch)) as server:
        assert get(server.origin).body == b"{}"


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"


def test_interim_answers_are_passed_over_and_nobody_gets_anothers_answer():
    """RFC 9110 section 15.2. What http.client takes for the answer would leave the real one to the next caller."""
    with (
        Scripted(lambda request: Reply(INTERIM + reply_of(200, request.target.encode()).data)) as server,
        http.session() as session,
    ):
        paths = [f"/user-{number}" for number in range(3)]
        answers = [http.get(session, server.origin + path, seconds=SECONDS, max_bytes=MANY) for path in paths]
    assert [(answer.status, answer.body.decode()) for answer in answers] == [(200, path) for path in paths]
    assert server.connections == 1


def test_a_switch_of_protocols_that_nobody_asked_for_is_no_answer():
    switch = Reply(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
    with Scripted(lambda request: switch) as server, pytest.raises(http.Unreachable):
        get(server.origin)


def test_a_tunnel_that_takes_time_leaves_less_for_what_comes_in_it(fast_forward: FastForward, monkeypatch):
    """The proxy thinks about CONNECT, then nothing comes: TLS with the target has what is left."""

    def late(request: object) -> Reply:
        fast_forward.leap(29.5)
        return Reply(b"HTTP/1.1 200 OK\r\n\r\n", then="hang")

    with Scripted(late) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        start = fast_forward.real()
        with pytest.raises(http.TooSlow):
            get("https://api.example/", 30)
    assert fast_forward.real() - start < MUCH_LATER


@pytest.fixture
def silent() -> Iterator[int]:
    """A port on which connections are never taken: its queue is full, and what comes on top is dropped."""
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
    """While the block runs, that name leads to these addresses, in this order."""
    real = socket.getaddrinfo
    found = [each for address in addresses for each in real(*address, type=socket.SOCK_STREAM)]

    def lookup(host: str, *rest: object, **options: object) -> object:
        return found if host == "localhost" else real(host, *rest, **options)  # type: ignore[call-overload]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lookup)
        yield


@pytest.mark.parametrize("addresses", [1, 100])
def test_silent_addresses_share_the_time_allowed(addresses, silent: int):
    with localhost_is(*[("127.0.0.1", silent)] * addresses):
        start = time.monotonic()
        with pytest.raises(http.Unreachable, match="nobody took the connection"):
            get(f"http://localhost:{silent}/", 0.4)
    assert time.monotonic() - start < MUCH_LATER


def test_an_address_behind_a_silent_one_has_its_chance():
    def in_a_moment(request: object) -> Reply:
        threading.Event().wait(0.1)  # a chance is more than the rest of a millisecond
        return as_json(200, {})

    with Scripted(in_a_moment) as server:
        port = int(server.origin.rpartition(":")[2])
        # Loopback has more than one address: the server's port is silent on the second.
        listener = socket.create_server(("127.0.0.2", port), backlog=0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", port))
        with localhost_is(("127.0.0.2", port), ("127.0.0.1", port)):
            assert get(f"http://localhost:{port}/", 4).status == 200
        for each in (*waiting, listener):
            each.close()


REASONS = [
    ("http://no-such-host.invalid/", "its host name cannot be resolved"),
    ("http://127.0.0.1:9/", "the connection was refused"),
    ("https://a..b/", "its host name cannot be resolved"),
    (f"http://{'a' * 70}.example/", "its host name cannot be resolved"),
    ("http://:80/", "its URL is none"),
]


@pytest.mark.parametrize(("url", "reason"), REASONS)
def test_why_there_is_no_answer_is_said_in_fixed_words(url, reason):
    with pytest.raises(http.Unreachable) as raised:
        get(url, 2)
    assert str(raised.value) == reason


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "SOCKS5H://127.0.0.1:9", "ftp://127.0.0.1:9", "http://"])
def test_a_proxy_of_another_kind_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch):
    """PySocks may be installed: its connections would not keep to the time."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(http.Unreachable, match="the environment names a proxy that is neither http nor https"):
        get("https://api.example/", 2)


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    context = certified(tmp_path, monkeypatch)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with Scripted(lambda request: as_json(200, {}), tls=context) as server, pytest.raises(http.Unreachable) as raised:
        get(server.origin)
    assert str(raised.value) == "its TLS certificate or handshake was not accepted"


def test_no_proxy_sees_what_is_meant_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: as_json(502, {})) as proxy, Scripted(lambda request: as_json(200, {})) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        assert get(server.origin).status == 200
        assert get("http://api.example/").status == 502
    assert [request.target for request in proxy.requests] == ["http://api.example/"]
