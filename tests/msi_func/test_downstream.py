"""DownstreamApi: requests, responses, settings, retries, pages, and limits on time and size."""

import asyncio
import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.testing import LocalTenant
from msi_func import credentials, downstream, http_session
from msi_func.downstream import DownstreamApi
from msi_func.http_client import DownstreamResponse
from msi_func.server_timing import ServerTiming
from tests.support.caller import SCOPE, Caller, caller, token_reply, unsigned_token
from tests.support.clock import MUCH_LATER, FastForward
from tests.support.scripted import (
    CLOSE,
    HANG,
    RESET,
    Reply,
    Request,
    Scripted,
    as_json,
    dripping,
    http,
    in_turn,
)

__all__ = ["caller"]

OK = as_json(200, {"ok": True})
SENT = unsigned_token("token")


@pytest.fixture
def identity(caller: Caller):
    """A managed identity endpoint that returns a token."""
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        yield endpoint


def test_token_is_sent_and_the_body_is_returned_unchanged(caller: Caller, identity: Scripted):
    body = b'{"b": 1,\n "a":  "\\u00e9"}'
    with Scripted(lambda request: http(200, body, Content_Type="application/json", X_Y="z")) as api:
        timing = ServerTiming()
        response = caller.run(caller.api(api.origin).get(headers={"traceparent": "00-1"}, timing=timing))
    assert (response.status, response.body, response.json()) == (200, body, {"a": "é", "b": 1})
    assert response.headers["x-Y"] == "z"
    sent = api.requests[0].headers
    assert sent["authorization"] == f"Bearer {SENT}"
    assert sent["traceparent"] == "00-1"
    assert sent["accept"] == "application/json"
    assert str(timing).startswith('token;desc="managed identity";dur=')
    assert ", test-api;dur=" in str(timing)
    resource = SCOPE.removesuffix("/.default")
    assert identity.requests[0].target == f"/?api-version=2019-08-01&resource={resource}"


def test_without_authentication_no_token_is_requested_or_sent(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.run(caller.api(api.origin).get(authenticate=False))
    assert "authorization" not in api.requests[0].headers
    assert identity.requests == []


BODIES: list[tuple[dict[str, Any], bytes, str | None]] = [
    ({}, b"", None),
    ({"json": {"a": "é"}}, b'{"a": "\\u00e9"}', "application/json"),
    ({"json": []}, b"[]", "application/json"),
    ({"content": b"\0\xff", "content_type": "application/octet-stream"}, b"\0\xff", "application/octet-stream"),
    ({"content": b"{}"}, b"{}", "application/json"),
    ({"json": {}, "content_type": "application/merge-patch+json"}, b"{}", "application/merge-patch+json"),
]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize(("options", "body", "content_type"), BODIES)
def test_every_method_sends_its_body(method, options, body, content_type, caller: Caller, identity: Scripted):
    with Scripted(lambda request: http(204)) as api:
        response = caller.run(getattr(caller.api(api.origin), method)("/x", **options))
    (sent,) = api.requests
    assert (sent.method, sent.target, sent.body) == (method.upper(), "/x", body)
    assert sent.headers.get("content-type") == content_type or not body
    assert (response.status, response.body) == (204, b"")


PATHS = [
    ("", "", "/"),
    ("/v1", "", "/v1"),
    ("/v1", "/me", "/v1/me"),
    ("/v1/", "/me", "/v1/me"),
    ("/v1?code=key", "/me", "/v1/me?code=key"),
    ("/v1?code=key", "/me?$top=1", "/v1/me?code=key&$top=1"),
    ("/v1", "/a%20b/jos%C3%A9%23%3F", "/v1/a%20b/jos%C3%A9%23%3F"),
    ("/v1", "/root:/a;v=1/...", "/v1/root:/a;v=1/..."),
    ("/v1", "/a%zz%252e", "/v1/a%zz%252e"),
]


@pytest.mark.parametrize(("configured", "path", "target"), PATHS)
def test_path_is_appended_to_the_configured_one(configured, path, target, caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.run(caller.api(api.origin + configured).get(path))
    assert api.requests[0].target == target


PARAMS: list[tuple[str, dict[str, Any], str]] = [
    ("", {"$filter": "a eq 'b&c'", "$top": 5}, "/v1?code=key&$filter=a+eq+%27b%26c%27&$top=5"),
    ("/a?b=1", {"c": ["2", "3"]}, "/v1/a?code=key&b=1&c=2&c=3"),
    ("", {"a": "é#?\r\n"}, "/v1?code=key&a=%C3%A9%23%3F%0D%0A"),
    ("", {}, "/v1?code=key"),
    ("{origin}/other?x=1", {"y": 2}, "/other?x=1&y=2"),
    ("{origin}/other", {}, "/other"),
]


@pytest.mark.parametrize(("path", "params", "target"), PARAMS)
def test_params_are_added_to_the_query(path, params, target, caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.run(caller.api(f"{api.origin}/v1?code=key").get(path.format(origin=api.origin), params=params))
    assert api.requests[0].target == target


INVALID_PATHS = [
    ".evil.example",
    "//evil.example/",
    "/%2fevil.example/",
    "me",
    "@evil.example/",
    "/../x",
    "/.",
    "/%2e%2E/x",
    "/a/.%2e",
    "/%252e%252e/x",
    "/%25252e%25252e%25252fx",
    "/a%2f..%2fx",
    "/..;/x",
    "/%2e%2e%3fx",
    "/..%23x",
    "/..%20/x",
    "/%2e%2e%3bx/y",
    "/a\\..\\x",
    "/a%5c..%5cx",
    "/a%255cx",
    "/%c0%ae%c0%ae/x",
    "/a%00",
    "/a%0d%0aX:%20y",
    "/a b",
    "/a\r\nX: y",
    "/é",
    "/a#b",
    "/a?b#c",
    "/a?b c",
    "https://evil.example/",
    "https://api.example.evil.example/",
    "https://api.example:8443/",
    "https://api.example@evil.example/",
    "https://user@api.example/",
    "https://api.example\\@evil.example/",
    "http://api.example/",
    "https://api.example/a b",
    "https://api.example/a\r\nX: y",
    "https://api.example/é",
    "https://[",
]


@pytest.mark.parametrize("path", INVALID_PATHS)
def test_path_cannot_leave_the_configured_url(path, caller: Caller, identity: Scripted):
    with pytest.raises(ValueError, match="one slash"):
        caller.run(caller.api("https://api.example").get(path))
    assert identity.requests == []


RESERVED = [
    "Authorization",
    "authorization",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "CONNECTION",
    "Expect",
    "Proxy-Authorization",
    "Proxy-Connection",
    "proxy-anything",
]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_header_is_rejected(name, caller: Caller, identity: Scripted):
    with pytest.raises(ValueError, match=f"callers cannot set the header {name}"):
        caller.run(caller.api("https://api.example").get(headers={name: "x"}))
    assert identity.requests == []


INVALID_HEADERS: list[dict[str, Any]] = [
    {"X": "a\r\nHost: evil.example"},
    {"X": "a\nb"},
    {"X": "a\0"},
    {"X": "é"},
    {"X\r\nHost": "evil.example"},
    {"Host:evil.example": ""},
    {"Authorization:Bearer": "x"},
    {"Host ": "evil.example"},
    {" Host": "evil.example"},
    {"X Y": "z"},
    {"": "x"},
]


@pytest.mark.parametrize("headers", INVALID_HEADERS)
def test_invalid_header_is_rejected(headers, caller: Caller, identity: Scripted):
    with pytest.raises(ValueError, match="a header name or value is invalid"):
        caller.run(caller.api("https://api.example").get(headers=headers))


def test_invalid_content_type_is_rejected(caller: Caller, identity: Scripted):
    with pytest.raises(ValueError, match="a header name or value is invalid"):
        caller.run(caller.api("https://api.example").post(content=b"", content_type="a/b\r\nHost: x"))


def test_headers_of_the_caller_replace_the_defaults(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.run(caller.api(api.origin).post(json={}, headers={"accept": "text/csv", "content-TYPE": "text/plain"}))
    assert api.requests[0].headers["accept"] == "text/csv"
    assert api.requests[0].headers["content-type"] == "text/plain"


@given(name=st.one_of(st.text(), st.sampled_from([*RESERVED, "X"])), value=st.text())
def test_no_header_injects_another(name: str, value: str):
    try:
        downstream._check_headers({name: value})
    except ValueError:
        return
    assert not set("\r\n:\0 ") & set(name)
    assert not set("\r\n\0") & set(value)
    assert name
    assert name.lower() not in map(str.lower, RESERVED)


def test_scope_and_identity_of_one_call_do_not_affect_the_next(caller: Caller):
    other = "api://other/.default"
    client_id = "1de00003-c11d-4000-8000-000000000000"
    with Scripted(lambda request: token_reply(mark=request.target)) as endpoint, Scripted(lambda request: OK) as api:
        caller.uses_endpoint(endpoint.origin)
        downstream = caller.api(api.origin)
        caller.run(downstream.get())
        caller.run(downstream.get(scope=other, identity_client_id=client_id))
        caller.run(downstream.get())
    first, second, third = (request.headers["authorization"] for request in api.requests)
    assert first == third != second
    assert [("other" in request.target, client_id in request.target) for request in endpoint.requests] == [
        (False, False),
        (True, True),
    ]


def test_one_call_can_use_the_system_assigned_identity_instead_of_the_configured_one(
    caller: Caller, identity: Scripted
):
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin, IDENTITY_CLIENT_ID="1de00003-c11d-4000-8000-000000000000")
        caller.run(downstream.get())
        caller.run(downstream.get(identity_client_id=None))
    assert ["client_id" in request.target for request in identity.requests] == [True, False]


def test_second_api_needs_only_its_settings(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.set({"GRAPH_URL": api.origin, "GRAPH_SCOPE": "https://graph.microsoft.com/.default"})
        graph = DownstreamApi.from_settings("GRAPH")
        assert caller.run(graph.get("/v1.0/organization")).json() == {"ok": True}
    assert "resource=https://graph.microsoft.com" in identity.requests[0].target


def test_problem_names_the_settings_of_its_api(caller: Caller):
    """Both APIs share one failed token request."""
    prefixes = ("GRAPH", "SECOND_GRAPH")
    with Scripted(lambda request: http(400, b"{}")) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        for prefix in prefixes:
            caller.set({f"{prefix}_URL": "https://graph.example", f"{prefix}_SCOPE": "https://graph.example/.default"})
        problems = [caller.problem_of(DownstreamApi.from_settings(prefix).get()) for prefix in prefixes]
    assert len(endpoint.requests) == 1
    for prefix, problem in zip(prefixes, problems, strict=True):
        assert problem.code == "token_unavailable"
        assert f" {prefix}_IDENTITY_CLIENT_ID" in problem.detail
        assert "AAD_FUNC" not in problem.detail


def test_advice_names_the_settings_of_its_api(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(401, {"code": "wrong_audience"})) as api:
        caller.set({"GRAPH_URL": api.origin, "GRAPH_SCOPE": "https://graph.microsoft.com/.default"})
        advice = caller.problem_of(DownstreamApi.from_settings("GRAPH").get()).members["advice"]
    assert "caller's GRAPH_SCOPE" in advice
    assert "the API's AAD_FUNC_CLIENT_ID" in advice  # a setting of the API, not of its caller


MISCONFIGURED = [
    ("no URL", {"URL": ""}, "TEST_API_URL"),
    ("http on a host that is not loopback", {"URL": "http://api.example/"}, "TEST_API_URL"),
    ("a user name in the URL", {"URL": "https://user@api.example/"}, "TEST_API_URL"),
    ("a fragment in the URL", {"URL": "https://api.example/#x"}, "TEST_API_URL"),
    ("a line break in the URL", {"URL": "https://api.example/\r\nX: y"}, "TEST_API_URL"),
    ("no scheme", {"URL": "api.example"}, "TEST_API_URL"),
    ("one scope instead of .default", {"SCOPE": "api://x/user_impersonation"}, "TEST_API_SCOPE"),
    ("a bare App ID URI", {"SCOPE": "api://x"}, "TEST_API_SCOPE"),
    ("two scopes", {"SCOPE": "api://x/.default api://y/.default"}, "TEST_API_SCOPE"),
    (".default without a resource", {"SCOPE": "/.default"}, "TEST_API_SCOPE"),
    ("an identity that is not a GUID", {"IDENTITY_CLIENT_ID": "shared-identity"}, "TEST_API_IDENTITY_CLIENT_ID"),
    ("a time limit of 0", {"TIMEOUT_SECONDS": "0"}, "TEST_API_TIMEOUT_SECONDS"),
    ("a time limit above the platform's", {"TIMEOUT_SECONDS": "231"}, "TEST_API_TIMEOUT_SECONDS"),
    ("not a number", {"TIMEOUT_SECONDS": "ten"}, "TEST_API_TIMEOUT_SECONDS"),
    ("nan", {"TIMEOUT_SECONDS": "nan"}, "TEST_API_TIMEOUT_SECONDS"),
    ("a size limit of 0", {"MAX_RESPONSE_BYTES": "0"}, "TEST_API_MAX_RESPONSE_BYTES"),
    ("a size limit above the maximum", {"MAX_RESPONSE_BYTES": "268435457"}, "TEST_API_MAX_RESPONSE_BYTES"),
]


@pytest.mark.parametrize(("why", "settings", "named"), MISCONFIGURED, ids=[case[0] for case in MISCONFIGURED])
def test_malformed_setting_is_named_and_not_quoted(why, settings, named, caller: Caller):
    problem = caller.problem_of(caller.api("https://api.example/", **settings).get())
    assert (problem.code, problem.members["settings"]) == ("misconfigured", [named])
    for value in settings.values():
        assert len(value) < 10 or value not in problem.detail


def test_scope_other_than_default_is_misconfigured(caller: Caller, identity: Scripted):
    problem = caller.problem_of(caller.api("https://api.example/").get(scope="api://x/user_impersonation"))
    assert problem.code == "misconfigured"
    assert "<App ID URI>/.default" in problem.detail


BROKEN = [
    ("connection reset", RESET),
    ("closed without a response", CLOSE),
    ("not HTTP", Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close")),
    ("closed mid-body", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", then="close")),
    ("503", http(503)),
    ("502", http(502)),
    ("504", http(504)),
    ("429", http(429)),
    ("429 with Retry-After", http(429, Retry_After="0")),
    ("503 with a malformed Retry-After", http(503, Retry_After="soon")),
    ("503 with an invalid date", http(503, Retry_After="Mon, 01 Jan 2027 00:00:00 +99999999999999999999")),
]


@pytest.mark.parametrize(("why", "reply"), BROKEN, ids=[case[0] for case in BROKEN])
def test_transient_failure_is_retried(why, reply, caller: Caller, identity: Scripted):
    with Scripted(in_turn(reply, reply, OK)) as api:
        assert caller.run(caller.api(api.origin).get()).body == b'{"ok": true}'
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("reply", "code"), [(RESET, "downstream_unreachable"), (http(503), "downstream_error")], ids=["reset", "503"]
)
def test_persistent_failure_is_reported_after_four_attempts(reply, code, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        problem = caller.problem_of(caller.api(api.origin).get())
    assert problem.code == code
    assert len(api.requests) == 4


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize("reply", [RESET, CLOSE, http(503)], ids=["reset", "closed", "503"])
def test_post_and_patch_are_not_repeated(reply, method, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        caller.problem_of(getattr(caller.api(api.origin), method)(json={}))
    assert len(api.requests) == 1


def test_body_and_token_are_unchanged_on_a_retry(caller: Caller, identity: Scripted):
    body = bytes(range(256)) * 1000
    with Scripted(in_turn(RESET, http(503), OK)) as api:
        caller.run(caller.api(api.origin).put("/x", content=body, content_type="a/b", params={"a": 1}))
    assert [(r.method, r.target, r.body) for r in api.requests] == [("PUT", "/x?a=1", body)] * 3
    assert {(r.headers["authorization"], r.headers["content-type"]) for r in api.requests} == {
        (f"Bearer {SENT}", "a/b")
    }


def test_api_that_is_down_is_unreachable_until_it_restarts(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin, TIMEOUT_SECONDS="1")
        caller.run(downstream.get())
    problem = caller.problem_of(downstream.get())
    assert (problem.code, problem.detail) == (
        "downstream_unreachable",
        "The called API cannot be reached: the connection was refused.",
    )
    with Scripted(lambda request: OK, port=int(api.origin.rpartition(":")[2])):
        assert caller.run(downstream.get()).body == b'{"ok": true}'


def test_retry_after_beyond_the_time_limit_ends_the_retries(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(503, {"code": "signing_keys_unavailable"}, Retry_After="30")) as api:
        start = time.monotonic()
        problem = caller.problem_of(caller.api(api.origin).get())
    assert (problem.code, problem.members["downstream"]["code"]) == ("downstream_error", "signing_keys_unavailable")
    assert problem.retry_after == 30
    assert len(api.requests) == 1
    assert time.monotonic() - start < MUCH_LATER


def test_retry_after_within_the_time_limit_is_respected(caller: Caller, identity: Scripted):
    with Scripted(in_turn(http(429, Retry_After="1"), OK)) as api:
        start = time.monotonic()
        caller.run(caller.api(api.origin).get())
    assert time.monotonic() - start >= 1


SLOW = [
    ("no response", HANG),
    ("headers sent byte by byte", dripping(as_json(200, {}, X_Long="x" * 300))),
    ("a body that stops", Reply(OK.data.partition(b"{")[0] + b"{", then="hang")),
    ("headers that stop", Reply(b"HTTP/1.1 200 OK\r\n", then="hang")),
]


@pytest.mark.parametrize("per_call", [True, False], ids=["timeout of the call", "setting"])
@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_slow_api_is_a_timeout(why, reply, per_call, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        downstream = caller.api(api.origin, TIMEOUT_SECONDS="100" if per_call else "0.5")
        start = time.monotonic()
        problem = caller.problem_of(downstream.get(timeout=0.5 if per_call else None))
        spent = time.monotonic() - start
    assert problem.code == "downstream_timeout"
    assert spent < MUCH_LATER


def test_dripping_body_is_a_timeout(caller: Caller, identity: Scripted):
    reply = http(200, b'{"ok": true}' + b" " * 1000, Content_Type="application/json")
    slow = Reply(reply.data, drip=True, whole=reply.data.index(b"{"))
    with Scripted(lambda request: slow) as api:
        start = time.monotonic()
        problem = caller.problem_of(caller.api(api.origin, TIMEOUT_SECONDS="1").get())
    assert problem.code == "downstream_timeout"
    assert time.monotonic() - start < MUCH_LATER


def test_token_and_request_share_one_time_limit(caller: Caller, fast_forward: FastForward, monkeypatch):
    for limit in ("ATTEMPT_TIMEOUT", "ENDPOINT_TIME_LIMIT"):
        monkeypatch.setattr(credentials, limit, 300)

    def late(request: object) -> Reply:
        fast_forward.leap(28)
        return token_reply()

    with Scripted(late) as endpoint, Scripted(lambda request: HANG) as api:
        caller.uses_endpoint(endpoint.origin)
        start = fast_forward.real()
        assert caller.problem_of(caller.api(api.origin, TIMEOUT_SECONDS="30").get()).code == "downstream_timeout"
    assert 1.9 < fast_forward.real() - start < MUCH_LATER


def test_error_response_is_reported_even_if_the_next_attempt_fails(caller: Caller, identity: Scripted):
    with Scripted(in_turn(as_json(503, {"code": "signing_keys_unavailable"}), HANG)) as api:
        problem = caller.problem_of(caller.api(api.origin, TIMEOUT_SECONDS="2").get())
    assert (problem.code, problem.members["downstream"]["code"]) == ("downstream_error", "signing_keys_unavailable")


@pytest.mark.parametrize(("limit", "fits"), [("1000", True), ("999", False)])
def test_response_size_is_limited_by_setting(limit, fits, caller: Caller, identity: Scripted):
    with Scripted(lambda request: http(200, b"x" * 1000)) as api:
        downstream = caller.api(api.origin, MAX_RESPONSE_BYTES=limit)
        if fits:
            assert len(caller.run(downstream.get()).body) == 1000
        else:
            assert caller.problem_of(downstream.get()).code == "downstream_invalid_response"


def test_default_size_limit_is_one_mebibyte(caller: Caller, identity: Scripted):
    with Scripted(lambda request: http(200, b"x" * int(request.target[1:]))) as api:
        downstream = caller.api(api.origin)
        assert len(caller.run(downstream.get("/1048576")).body) == 2**20
        assert caller.problem_of(downstream.get("/1048577")).code == "downstream_invalid_response"


def test_netrc_neither_replaces_the_token_nor_adds_credentials(
    caller: Caller, identity: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin)
        caller.run(downstream.get())
        caller.run(downstream.get(authenticate=False))
    with_token, without = (request.headers.get("authorization") for request in api.requests)
    assert with_token == f"Bearer {SENT}"
    assert without is None
    assert "authorization" not in identity.requests[0].headers


def test_no_cookie_is_sent_back(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(200, {}, Set_Cookie="session=1; Path=/")) as api:
        downstream = caller.api(api.origin)
        caller.run(downstream.get())
        caller.run(downstream.get())
    assert [request.headers.get("cookie") for request in api.requests] == [None, None]


async def concurrent(api: DownstreamApi, callers: int, calls: int = 1) -> list[DownstreamResponse]:
    async def repeat() -> list[DownstreamResponse]:
        return [await api.get() for _ in range(calls)]

    return [
        response for responses in await asyncio.gather(*(repeat() for _ in range(callers))) for response in responses
    ]


def test_200_concurrent_cold_calls_make_one_token_request(caller: Caller):
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: OK) as api:
        caller.uses_endpoint(endpoint.origin)
        responses = caller.run(concurrent(caller.api(api.origin, TIMEOUT_SECONDS="60"), 200))
    assert [response.body for response in responses] == [b'{"ok": true}'] * 200
    assert len(endpoint.requests) == 1


def test_warm_calls_request_no_token_and_reuse_connections(caller: Caller):
    callers, calls = 6, 300  # `make bench` makes 10,000
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: OK) as api:
        caller.uses_endpoint(endpoint.origin)
        assert len(caller.run(concurrent(caller.api(api.origin), callers, calls))) == callers * calls
    assert len(endpoint.requests) == 1
    assert len(api.requests) == callers * calls
    assert api.connections <= callers


def test_canceled_caller_does_not_affect_the_others(caller: Caller):
    """All callers wait for one token request. The caller that started it is canceled."""
    arrived, released = threading.Event(), threading.Event()

    def slow(request: Request) -> Reply:
        arrived.set()
        released.wait(MUCH_LATER)
        return token_reply()

    async def cancel_first(api: DownstreamApi) -> list[DownstreamResponse]:
        tasks = [asyncio.create_task(api.get()) for _ in range(3)]
        await asyncio.to_thread(arrived.wait, MUCH_LATER)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        released.set()
        return [*await asyncio.gather(*tasks[1:]), await api.get()]

    with Scripted(slow) as endpoint, Scripted(lambda request: OK) as api:
        caller.uses_endpoint(endpoint.origin)
        assert len(caller.run(cancel_first(caller.api(api.origin)))) == 3
    assert len(endpoint.requests) == 1


async def all_pages(api: DownstreamApi, path: str = "", **options: Any) -> list[Any]:
    return [page async for page in api.pages(path, **options)]


def test_pages_follow_links_without_repeating_params(caller: Caller, identity: Scripted):
    def page(request: Request) -> Reply:
        if "skip" in request.target:
            return as_json(200, {"value": [2], "@odata.nextLink": None})
        return as_json(200, {"value": [1], "@odata.nextLink": f"{api.origin}/v1/users?$top=1&$skip=1"})

    with Scripted(page) as api:
        downstream = caller.api(f"{api.origin}/v1")
        pages = caller.run(all_pages(downstream, "/users", params={"$top": 1}, headers={"Prefer": "x"}))
    assert [page["value"] for page in pages] == [[1], [2]]
    assert [request.target for request in api.requests] == ["/v1/users?$top=1", "/v1/users?$top=1&$skip=1"]
    assert [request.headers["prefer"] for request in api.requests] == ["x", "x"]
    assert {request.headers["authorization"] for request in api.requests} == {f"Bearer {SENT}"}


def test_page_that_is_not_an_object_is_the_last(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(200, [1])) as api:
        assert caller.run(all_pages(caller.api(api.origin))) == [[1]]


FOREIGN_LINKS = [
    "https://evil.example/",
    "{origin}.evil.example/",
    "{origin}@evil.example/",
    "//evil.example/",
    "/users?$skip=1",
    "users",
    "{origin}/a b",
    "{origin}/é",
    "{origin}/a\r\nHost: x",
    "{origin}\\@evil.example/",
    "https://[",
    "javascript:0",
    7,
    ["{origin}"],
    {"a": 1},
    True,
]


@pytest.mark.parametrize("link", FOREIGN_LINKS)
def test_link_outside_the_origin_is_not_followed(link, caller: Caller, identity: Scripted):
    def page(request: Request) -> Reply:
        next_link = link.format(origin=api.origin) if isinstance(link, str) else link
        return as_json(200, {"@odata.nextLink": next_link})

    with Scripted(page) as api:
        problem = caller.problem_of(all_pages(caller.api(api.origin)))
    assert problem.code == "downstream_invalid_response"
    assert len(api.requests) == 1


def test_number_of_pages_is_limited(caller: Caller, identity: Scripted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downstream, "MAX_PAGES", 3)
    with Scripted(lambda request: as_json(200, {"@odata.nextLink": api.origin})) as api:
        problem = caller.problem_of(all_pages(caller.api(api.origin)))
    assert (problem.code, problem.detail) == (
        "downstream_invalid_response",
        "The called API returned more than 3 pages.",
    )
    assert len(api.requests) == 3


def test_user_assigned_identity_works_with_the_real_endpoint(caller: Caller, local_azure: LocalTenant):
    shared = "1de00003-c11d-4000-8000-000000000000"
    local_azure.environment()
    with Scripted(lambda request: OK) as api:
        caller.run(caller.api(api.origin, IDENTITY_CLIENT_ID=shared).get())
    payload = api.requests[0].headers["authorization"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["azp"] == shared


def test_connection_limit_is_the_documented_constant():
    assert http_session.MAX_CONNECTIONS == 256
