"""Probes: parsing of untrusted responses."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msi_func.http_client import FAILED_HANDSHAKE
from tests.support.scripted import HANG, RESET, Reply, Scripted, as_json, http
from tests.tools.probes import NOW, response
from tools import probe as module
from tools.probe import mapping, probe, string, strings

Run = Callable[[Any], Any]


def test_response_is_returned_with_its_times(run_tool: Run, monkeypatch: pytest.MonkeyPatch):
    times = iter([NOW, NOW + 0.25])
    with Scripted(lambda request: as_json(401, {"code": "missing_token"}, X="y")) as server:
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: next(times)))
        result = run_tool(probe(f"{server.origin}/path?query", 10, {"X-Sent": "z"}))
    assert (result.status, result.code, result.headers["x"]) == (401, "missing_token", "y")
    assert (result.sent_at, result.milliseconds) == (NOW, 250)
    assert result.summary == "401 missing_token in 250 ms"
    assert (server.requests[0].method, server.requests[0].target) == ("GET", "/path?query")
    assert server.requests[0].headers["x-sent"] == "z"


NO_RESPONSE: list[tuple[str, Reply, str]] = [
    ("reset", RESET, "the connection was closed early"),
    ("hang", HANG, "no complete response within the time limit"),
    ("too large", http(200, b"x" * (1024 * 1024 + 1)), "the response is larger than 1048576 bytes"),
]


@pytest.mark.parametrize(("why", "reply", "reason"), NO_RESPONSE, ids=[case[0] for case in NO_RESPONSE])
def test_missing_response_is_reported_with_its_reason(why, reply, reason, run_tool: Run):
    with Scripted(lambda request: reply) as server:
        result = run_tool(probe(server.origin, 0.5 if reply is HANG else 10))
    assert (result.status, result.reason, result.summary) == (0, reason, f"no response: {reason}")
    assert (result.skew, result.is_accepted, result.code) == (None, False, "")
    assert len(server.requests) == 1


def test_tls_failure_is_not_a_refused_connection(run_tool: Run, local_azure_server):
    https = local_azure_server.origin.replace("http:", "https:")
    assert run_tool(probe(https, 10)).reason == FAILED_HANDSHAKE
    assert run_tool(probe("https://127.0.0.1:9/", 10)).reason == "the connection was refused"


BODIES = [
    ("a list", b"[1]"),
    ("null", b"null"),
    ("not JSON", b"<html>"),
    ("not UTF-8", b"\xff\xfe{}"),
    ("deeply nested", b"[" * 100_000),
    ("a number of 5,000 digits", b"9" * 5000),
]


@pytest.mark.parametrize(("why", "body"), BODIES, ids=[case[0] for case in BODIES])
def test_body_that_is_not_an_object_is_returned_as_text(why, body, run_tool: Run):
    with Scripted(lambda request: http(200, body)) as server:
        result = run_tool(probe(server.origin, 10))
    assert result.body == {}
    assert result.text == body[: module.MAX_TEXT_CHARS].decode("utf-8", "replace")


ACCEPTED = [
    (200, {"caller": {}}, True),
    (200, {"caller": []}, False),
    (200, {}, False),
    (401, {"caller": {}}, False),
    (0, {"caller": {}}, False),
]


@pytest.mark.parametrize(("status", "body", "expected"), ACCEPTED)
def test_only_a_200_with_a_caller_is_accepted(status, body, expected):
    assert response(status, body).is_accepted == expected


DOWNSTREAM: list[tuple[Any, int, str]] = [
    ({"status": 403, "code": "missing_role"}, 403, "missing_role"),
    ({"status": "403", "code": ["missing_role"]}, 0, ""),
    ({"status": True}, 0, ""),
    ({"status": 4.03}, 0, ""),
    ([], 0, ""),
    (None, 0, ""),
]


@pytest.mark.parametrize(("inner", "status", "code"), DOWNSTREAM)
def test_downstream_error_of_other_types_is_ignored(inner, status, code):
    result = response(502, {"code": "downstream_error", "downstream": inner})
    assert (result.downstream_status, result.downstream_code) == (status, code)
    suffix = f" ({status} {code})" if status else ""
    assert result.summary == f"502 downstream_error{suffix} in 500 ms"


# (Date header, duration of the request that is sent at NOW, seconds by which the server's clock is ahead)
CLOCKS: list[tuple[str, float, float | None]] = [
    ("Fri, 15 Jan 2027 08:00:00 GMT", 10.0, 0.0),
    ("Fri, 15 Jan 2027 07:59:59 GMT", 10.0, 0.0),  # cached by the server for a second
    ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0, 0.0),
    ("Fri, 15 Jan 2027 08:00:11 GMT", 10.0, 1.0),
    ("Fri, 15 Jan 2027 07:59:58 GMT", 10.0, -1.0),
    ("Fri, 15 Jan 2027 09:00:00 GMT", 0.0, 3600.0),
    ("Tue, 12 Jan 2027 08:00:00 GMT", 0.0, -3 * 86400.0 + 1),
    ("", 0.0, None),
    ("yesterday", 0.0, None),
    ("Thu, 99 Foo 9999 99:99:99 GMT", 0.0, None),
    ("9" * 400, 0.0, None),
]


@pytest.mark.parametrize(("date", "took", "skew"), CLOCKS)
def test_skew_is_zero_between_sending_and_receiving(date, took, skew):
    assert NOW == 1_800_000_000  # 2027-01-15 08:00:00 UTC
    assert response(200, took=took, Date=date).skew == skew


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "status"]), inner, max_size=3),
)


@given(
    st.integers(0, 999), st.dictionaries(st.sampled_from(["code", "detail", "downstream", "caller", "roles"]), values)
)
def test_any_body_has_strings_numbers_and_a_summary(status: int, body: dict[str, Any]):
    result = response(status, json.loads(json.dumps(body)))
    assert isinstance(result.code + result.detail + result.downstream_code + result.summary, str)
    assert type(result.downstream_status) is int
    assert all(isinstance(role, str) for role in strings(body, "roles"))


def test_strings_are_truncated_and_other_types_are_missing():
    document = {"text": "x" * 5000, "list": ["y" * 5000, 1, None, ["z"]], "object": {"a": 1}, "number": 7}
    assert string(document, "text") == "x" * module.MAX_STRING_CHARS
    assert strings(document, "list") == ["y" * module.MAX_STRING_CHARS]
    assert mapping(document, "object") == {"a": 1}
    assert {string(document, name) for name in ("list", "object", "number", "missing")} == {""}
    assert [strings(document, name) for name in ("text", "object", "missing")] == [[], [], []]
    assert [mapping(document, name) for name in ("text", "list", "missing")] == [{}, {}, {}]
