"""The Functions host behaves as observed with `func start`."""

import concurrent.futures
import http.client
import re
from collections.abc import Iterator

import pytest
import requests

from tests.support import apps
from tests.support.apps import Host

SAMPLE = apps.APP / "tests" / "support" / "sample_app"

THREADS = 3


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    settings = {
        "FROM_BOTH": "environment",
        "AzureWebJobs_off_by_underscores_Disabled": "1",
        "PYTHON_THREADPOOL_THREAD_COUNT": str(THREADS),
    }
    with apps.running(settings, folder=SAMPLE) as running:
        yield running


def get(host: Host, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{host.origin}{path}", headers=headers, timeout=30)


def raw(host: Host, method: str, path: str, headers: list[tuple[str, str]], body: list[bytes] | None = None) -> bytes:
    """Send a request without normalization and return the body."""
    connection = http.client.HTTPConnection(host.origin.removeprefix("http://"), timeout=30)
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body, encode_chunked=body is not None)
    response = connection.getresponse().read()
    connection.close()
    return response


def test_header_names_are_lowercase_and_repeated_headers_joined(host: Host):
    sent = [("X-Twice", "a"), ("x-twice", "b"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Empty", "")]
    response = requests.models.complexjson.loads(raw(host, "GET", "/api/v1/echo/x", sent))
    assert response["looked_up"] == "a,b"
    assert {"x-twice": "a,b", "cookie": "a=1,b=2", "x-empty": ""}.items() <= response["headers"].items()


def test_repeated_query_keys_are_joined_and_empty_values_dropped(host: Host):
    assert get(host, "/api/v1/echo/x?q=1&Q=2&empty=&r=a%20b").json()["params"] == {"q": "1,2", "r": "a b"}


def test_chunked_request_has_an_empty_body(host: Host):
    chunked = raw(host, "POST", "/api/v1/echo/x", [("Transfer-Encoding", "chunked")], [b"lost"])
    assert requests.models.complexjson.loads(chunked)["body"] == ""
    assert requests.post(f"{host.origin}/api/v1/echo/x", data=b"kept", timeout=30).json()["body"] == "kept"


ROUTES = [
    ("/api/v1/echo/a/b", {"first": "a", "second": "b"}),
    ("/api/v1/echo/a", {"first": "a"}),
    ("/API/V1/ECHO/a/", {"first": "a"}),
    ("/api/v1/echo/a%20b", {"first": "a b"}),
]


@pytest.mark.parametrize(("path", "route_params"), ROUTES)
def test_routes_ignore_case_and_omit_absent_parameters(path, route_params, host: Host):
    assert get(host, path).json()["route_params"] == route_params


def test_catch_all_parameter_keeps_encoded_slashes(host: Host):
    assert get(host, "/api/v1/files/a/b%2Fc").json() == {"path": "a/b%2Fc"}


NOT_FOUND = [
    ("an unknown path", "GET", "/api/v1/unknown"),
    ("no route prefix", "GET", "/echo/a"),
    ("the default route prefix", "GET", "/api/echo/a"),
    ("another method", "POST", "/api/v1/settings"),
    ("HEAD for a function with GET only", "HEAD", "/api/v1/settings"),
    ("a constraint that is not met", "GET", "/api/v1/orders/x"),
    ("disabled by the setting with dots", "GET", "/api/v1/off"),
    ("disabled by the setting with underscores", "GET", "/api/v1/off-too"),
]


@pytest.mark.parametrize(("why", "method", "path"), NOT_FOUND, ids=[case[0] for case in NOT_FOUND])
def test_unknown_route_is_an_empty_404(why, method, path, host: Host):
    response = requests.request(method, f"{host.origin}{path}", timeout=30)
    assert (response.status_code, response.content) == (404, b"")


def test_environment_overrides_local_settings(host: Host):
    assert get(host, "/api/v1/settings").json() == ["file", "environment", str(SAMPLE)]


@pytest.mark.parametrize("path", ["/api/v1/fails", "/api/v1/nothing"])
def test_failed_invocation_is_an_empty_500(path, host: Host):
    response = get(host, path)
    assert (response.status_code, response.content) == (500, b"")
    assert "said on the console only" in host.printed or path.endswith("nothing")


def test_last_of_repeated_response_headers_wins_except_for_cookies(host: Host):
    response = get(host, "/api/v1/headers")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.raw.headers.getlist("X-Last") == ["2"]
    assert response.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]


def test_trace_continues_with_a_new_span(host: Host):
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "vendor=1"}
    name, parent, state, has_id = get(host, "/api/v1/orders/7", **sent).json()
    assert (name, state, has_id) == ("orders", "vendor=1", True)
    assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", parent)
    assert parent != sent["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", get(host, "/api/v1/orders/7").json()[1])


def test_sync_functions_share_a_thread_pool_of_the_configured_size(host: Host):
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        path = f"/api/v1/threads?together={THREADS}"
        responses = [response.json() for response in pool.map(lambda _: get(host, path), range(THREADS))]
    assert [response["enough"] for response in responses] == [True] * THREADS
    assert max(response["threads"] for response in responses) == THREADS


def test_async_functions_run_on_the_event_loop(host: Host):
    together = THREADS * 4
    with concurrent.futures.ThreadPoolExecutor(together) as pool:
        responses = list(pool.map(lambda _: get(host, f"/api/v1/loop?together={together}").json(), range(together)))
    assert responses == [True] * together


def test_foreign_host_header_is_rejected(host: Host):
    assert get(host, "/api/v1/settings", Host="evil.example").status_code == 400
