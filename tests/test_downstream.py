"""DownstreamApi: what it sends, what it makes of answers, how it bears with an API that is slow, broken or gone."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msi_func.timing import Timing

from common.problems import Problem
from local_azure.cloud import LocalAzure
from msi_func.downstream import DownstreamApi
from tests.support.caller import SCOPE, Caller, caller, made_up_token, token_reply
from tests.support.clock import MUCH_LATER, FastForward
from tests.support.scripted import (
    CLOSE,
    HANG,
    RESET,
    Reply,
    Scripted,
    as_json,
    dripping,
    http,
    in_turn,
)

__all__ = ["caller"]

OK = as_json(200, {"ok": True})


def problem_of(call) -> Problem:
    with pytest.raises(Problem) as raised:
        call()
    return raised.value


@pytest.fixture
def identity(caller: Caller):
    """A managed identity endpoint that gives a token."""
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.asks(endpoint.origin)
        yield endpoint


def test_the_token_goes_out_with_the_call_and_the_body_comes_back_unchanged(caller: Caller, identity: Scripted):
    odd = b'{"b": 1,\n "a":  "\\u00e9"}'
    with Scripted(lambda request: http(200, odd, Content_Type="application/json")) as api:
        timing = Timing()
        assert caller.api(api.origin).get(headers={"traceparent": "00-1"}, timing=timing) == odd
    sent = api.requests[0].headers
    assert sent["authorization"] == f"Bearer {made_up_token('token')}"
    assert sent["traceparent"] == "00-1"
    assert str(timing).startswith('token;desc="managed identity";dur=')
    assert ", test-api;dur=" in str(timing)
    resource = SCOPE.removesuffix("/.default")
    assert identity.requests[0].target == f"/?api-version=2019-08-01&resource={resource}"


def test_without_authentication_no_token_is_asked_for_or_sent(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.api(api.origin).get(authenticate=False)
    assert "authorization" not in api.requests[0].headers
    assert identity.requests == []


PATHS = [
    ("", "", "/"),
    ("/v1", "", "/v1"),
    ("/v1", "/me", "/v1/me"),
    ("/v1/", "/me", "/v1/me"),
    ("/v1?code=key", "/me", "/v1/me?code=key"),
    ("/v1?code=key", "/me?$top=1", "/v1/me?code=key&$top=1"),
]


@pytest.mark.parametrize(("configured", "path", "asked"), PATHS)
def test_a_path_is_put_behind_the_configured_one(configured, path, asked, caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.api(api.origin + configured).get(path=path)
    assert api.requests[0].target == asked


ELSEWHERE = [
    ".evil.example",
    "//evil.example/",
    "me",
    "@evil.example/",
    "/../x",
    "/%2e%2E/x",
    "/a/.%2e",
    "/a#b",
    "/a?b#c",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_path_cannot_lead_to_another_host(path, caller: Caller, identity: Scripted):
    with pytest.raises(ValueError, match="one slash"):
        caller.api("https://api.example").get(path=path)


def test_identity_and_scope_of_one_call_leave_the_configured_ones_alone(caller: Caller):
    other = "api://other/.default"
    client_id = "1de00003-c11d-4000-8000-000000000000"
    with Scripted(lambda request: token_reply(mark=request.target)) as endpoint, Scripted(lambda request: OK) as api:
        caller.asks(endpoint.origin)
        downstream = caller.api(api.origin)
        downstream.get()
        downstream.get(scope=other, identity_client_id=client_id)
        downstream.get()
    first, second, third = (request.headers["authorization"] for request in api.requests)
    assert first == third != second
    assert [("other" in request.target, client_id in request.target) for request in endpoint.requests] == [
        (False, False),
        (True, True),
    ]


def test_a_second_api_is_one_line_and_its_settings(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        caller.set({"GRAPH_URL": api.origin, "GRAPH_SCOPE": "https://graph.microsoft.com/.default"})
        graph = DownstreamApi.from_settings("GRAPH")
        assert json.loads(graph.get(path="/v1.0/organization")) == {"ok": True}
    assert "resource=https://graph.microsoft.com" in identity.requests[0].target


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
    (".default of nothing", {"SCOPE": "/.default"}, "TEST_API_SCOPE"),
    ("an identity that is not a GUID", {"IDENTITY_CLIENT_ID": "shared-identity"}, "TEST_API_IDENTITY_CLIENT_ID"),
    ("no time at all", {"TIMEOUT_SECONDS": "0"}, "TEST_API_TIMEOUT_SECONDS"),
    ("more time than the platform has", {"TIMEOUT_SECONDS": "231"}, "TEST_API_TIMEOUT_SECONDS"),
    ("not a number", {"TIMEOUT_SECONDS": "ten"}, "TEST_API_TIMEOUT_SECONDS"),
    ("not a number either", {"TIMEOUT_SECONDS": "nan"}, "TEST_API_TIMEOUT_SECONDS"),
]


@pytest.mark.parametrize(("why", "settings", "named"), MISCONFIGURED, ids=[case[0] for case in MISCONFIGURED])
def test_a_malformed_setting_is_named_and_not_quoted(why, settings, named, caller: Caller):
    problem = problem_of(caller.api("https://api.example/", **settings).get)
    assert (problem.code, problem.members["settings"]) == ("misconfigured", [named])
    for value in settings.values():
        assert len(value) < 10 or value not in problem.detail


def test_a_scope_that_is_no_default_scope_says_what_to_write(caller: Caller, identity: Scripted):
    api = caller.api("https://api.example/")
    problem = problem_of(lambda: api.get(scope="api://x/user_impersonation"))
    assert problem.code == "misconfigured"
    assert "api://<client id>/.default" in problem.detail


SENT = made_up_token("token")
ANSWERS = [
    ("a problem document", as_json(403, {"code": "missing_role", "detail": "No."}), "downstream_error", 403),
    ("Easy Auth's 401, which is no JSON", http(401, b"You do not have permission."), "downstream_error", 401),
    ("a disabled function's empty 404", http(404), "downstream_error", 404),
    (
        "a redirect to a login page, not followed",
        http(302, Location="https://login.example/"),
        "downstream_error",
        302,
    ),
    ("JSON that is not an object", as_json(500, ["x"]), "downstream_error", 500),
    ("200 with HTML", http(200, b"<html>", Content_Type="text/html"), "downstream_invalid_response", None),
    ("200 with broken JSON", http(200, b"{", Content_Type="application/json"), "downstream_invalid_response", None),
    ("200 with nothing", http(204), "downstream_invalid_response", None),
    (
        "JSON nested too deeply",
        http(200, b"[" * 100_000, Content_Type="application/json"),
        "downstream_invalid_response",
        None,
    ),
    (
        "more than a MiB",
        http(200, b" " * 1_048_577, Content_Type="application/json"),
        "downstream_invalid_response",
        None,
    ),
    ("200 with the token", as_json(200, {"you sent": SENT}), "downstream_invalid_response", None),
    ("200 with half of the token", as_json(200, {"you sent": SENT[:80]}), "downstream_invalid_response", None),
    (
        "200 with the token's payload",
        as_json(200, {"you sent": SENT.split(".")[1]}),
        "downstream_invalid_response",
        None,
    ),
    ("200 with the token's end", as_json(200, {"you sent": SENT[-16:]}), "downstream_invalid_response", None),
]


@pytest.mark.parametrize(("why", "reply", "code", "status"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_an_answer_that_is_no_success(why, reply, code, status, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        problem = problem_of(caller.api(api.origin).get)
    assert problem.code == code
    assert problem.members.get("downstream", {}).get("status") == status
    assert SENT not in json.dumps(problem.members)
    assert len(api.requests) == 1


def test_a_refusal_keeps_code_and_detail_and_adds_advice(caller: Caller, identity: Scripted):
    refusal = {"code": "missing_role", "detail": "The caller does not.", "required_role": "DoAll", "other": "dropped"}
    with Scripted(lambda request: as_json(403, refusal)) as api:
        problem = problem_of(caller.api(api.origin).get)
    assert problem.members["downstream"] == {
        "status": 403,
        "code": "missing_role",
        "detail": "The caller does not.",
        "required_role": "DoAll",
    }
    assert "24 hours" in problem.members["advice"]


ODD = [
    ("a code that is a list", {"code": ["missing_role"]}),
    ("a code that would be a line of the log", {"code": "x\r\nWARNING: all is lost"}),
    ("a code without an end", {"code": "x" * 65}),
    ("a detail that is a list", {"detail": ["a"]}),
    ("settings that are no list", {"settings": "A"}),
    ("settings with something else in them", {"settings": ["A", 1]}),
    ("a detail with the token", {"detail": f"Bearer {SENT} is not good"}),
    ("a detail with a piece of the token", {"detail": f"no: {SENT[20:51]}..."}),
    ("a code that is the token's end", {"code": SENT[-16:]}),
    ("a setting with the token's begin", {"settings": ["A", SENT[:40]]}),
    ("settings without an end", {"settings": ["A" * 600, "B" * 600]}),
]


@pytest.mark.parametrize(("why", "refusal"), ODD, ids=[case[0] for case in ODD])
def test_what_is_odd_in_a_refusal_goes_no_further(why, refusal, caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(403, refusal)) as api:
        problem = problem_of(caller.api(api.origin).get)
    assert problem.members == {"downstream": {"status": 403}}
    assert problem.detail == "The called API refused with status 403."


BROKEN = [
    ("resets the connection", RESET),
    ("closes without a word", CLOSE),
    ("is no HTTP", Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close")),
    ("breaks off in the body", Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", then="close")),
    ("503", http(503)),
    ("502", http(502)),
    ("504", http(504)),
    ("429", http(429)),
    ("429 that asks for a pause", http(429, Retry_After="0")),
    ("503 that asks for a pause in a way of its own", http(503, Retry_After="soon")),
    ("503 with a date that is none", http(503, Retry_After="Mon, 01 Jan 2027 00:00:00 +99999999999999999999")),
]


@pytest.mark.parametrize(("why", "reply"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_passing_fault_is_tried_again(why, reply, caller: Caller, identity: Scripted):
    with Scripted(in_turn(reply, reply, OK)) as api:
        assert caller.api(api.origin).get() == b'{"ok": true}'
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("reply", "code"), [(RESET, "downstream_unreachable"), (http(503), "downstream_error")], ids=["reset", "503"]
)
def test_a_lasting_fault_is_given_up_after_four_tries(reply, code, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        problem = problem_of(caller.api(api.origin).get)
    assert problem.code == code
    assert len(api.requests) == 4


def test_an_api_that_is_down_is_unreachable_and_back_when_it_is_back(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin, TIMEOUT_SECONDS="1")
        downstream.get()
    assert problem_of(downstream.get).code == "downstream_unreachable"
    with Scripted(lambda request: OK, port=int(api.origin.rpartition(":")[2])):
        assert downstream.get() == b'{"ok": true}'


def test_retry_after_beyond_the_budget_is_not_waited_for(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(503, {"code": "signing_keys_unavailable"}, Retry_After="30")) as api:
        start = time.monotonic()
        problem = problem_of(caller.api(api.origin).get)
    assert (problem.code, problem.members["downstream"]["code"]) == ("downstream_error", "signing_keys_unavailable")
    assert len(api.requests) == 1
    assert time.monotonic() - start < MUCH_LATER


def test_retry_after_within_the_budget_is_honoured(caller: Caller, identity: Scripted):
    with Scripted(in_turn(http(429, Retry_After="1"), OK)) as api:
        start = time.monotonic()
        caller.api(api.origin).get()
    assert time.monotonic() - start >= 1


SLOW = [
    ("never answers", HANG),
    ("drips its headers", dripping(as_json(200, {}, X_Long="x" * 300))),
    ("drips its body", Reply(OK.data.partition(b"{")[0] + b"{", then="hang")),
    ("accepts and forgets", Reply(b"HTTP/1.1 200 OK\r\n", then="hang")),
]


@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_a_slow_api_is_given_up_at_the_budget(why, reply, caller: Caller, identity: Scripted):
    with Scripted(lambda request: reply) as api:
        start = time.monotonic()
        problem = problem_of(caller.api(api.origin, TIMEOUT_SECONDS="1").get)
        spent = time.monotonic() - start
    assert problem.code == "downstream_timeout"
    assert spent < MUCH_LATER


def test_a_dripping_body_is_given_up_at_the_budget(caller: Caller, identity: Scripted):
    reply = http(200, b'{"ok": true}' + b" " * 1000, Content_Type="application/json")
    slow = Reply(reply.data, drip=True, whole=reply.data.index(b"{"))
    with Scripted(lambda request: slow) as api:
        start = time.monotonic()
        problem = problem_of(caller.api(api.origin, TIMEOUT_SECONDS="1").get)
    assert problem.code == "downstream_timeout"
    assert time.monotonic() - start < MUCH_LATER


def test_token_and_call_share_one_budget(caller: Caller, fast_forward: FastForward):
    def late(request: object) -> Reply:
        fast_forward.leap(28)
        return token_reply()

    with Scripted(late) as endpoint, Scripted(lambda request: HANG) as api:
        caller.asks(endpoint.origin)
        start = fast_forward.real()
        assert problem_of(caller.api(api.origin, TIMEOUT_SECONDS="30").get).code == "downstream_timeout"
    assert 1.9 < fast_forward.real() - start < MUCH_LATER


def test_a_refusal_is_told_even_where_the_next_try_fails(caller: Caller, identity: Scripted):
    with Scripted(in_turn(as_json(503, {"code": "signing_keys_unavailable"}), HANG)) as api:
        problem = problem_of(caller.api(api.origin, TIMEOUT_SECONDS="2").get)
    assert (problem.code, problem.members["downstream"]["code"]) == ("downstream_error", "signing_keys_unavailable")


def test_what_failed_is_said_in_the_answer(caller: Caller, identity: Scripted):
    problem = problem_of(caller.api("http://127.0.0.1:9/", TIMEOUT_SECONDS="1").get)
    assert problem.detail == "The called API cannot be reached: the connection was refused."


def test_one_call_can_use_the_system_assigned_identity_where_another_is_configured(caller: Caller, identity: Scripted):
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin, IDENTITY_CLIENT_ID="1de00003-c11d-4000-8000-000000000000")
        downstream.get()
        downstream.get(identity_client_id=None)
    assert ["client_id" in request.target for request in identity.requests] == [True, False]


NO_JSON = [b'{"a": NaN}', b'{"a": Infinity}', '{"a": 1}'.encode("utf-16"), "ÿ".encode("latin-1"), b"[" * 100_000]


@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_not_json_is_not_handed_on_as_json(body, caller: Caller, identity: Scripted):
    with Scripted(lambda request: http(200, body, Content_Type="application/json")) as api:
        assert problem_of(caller.api(api.origin).get).code == "downstream_invalid_response"


def test_of_a_refusal_only_short_texts_are_handed_on(caller: Caller, identity: Scripted):
    odd = {"code": 7, "detail": "x" * 1001, "required_role": ["DoAll", 1], "settings": ["A", "B"], "status": "x"}
    with Scripted(lambda request: as_json(403, odd)) as api:
        problem = problem_of(caller.api(api.origin).get)
    assert problem.members["downstream"] == {"status": 403, "settings": ["A", "B"]}


def test_netrc_neither_replaces_the_token_nor_adds_credentials(
    caller: Caller, identity: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Scripted(lambda request: OK) as api:
        downstream = caller.api(api.origin)
        downstream.get()
        downstream.get(authenticate=False)
    with_token, without = (request.headers.get("authorization") for request in api.requests)
    assert with_token == f"Bearer {made_up_token('token')}"
    assert without is None


def test_no_cookie_is_kept_between_calls(caller: Caller, identity: Scripted):
    with Scripted(lambda request: as_json(200, {}, Set_Cookie="session=1; Path=/")) as api:
        downstream = caller.api(api.origin)
        downstream.get()
        downstream.get()
    assert [request.headers.get("cookie") for request in api.requests] == [None, None]


def test_200_cold_calls_at_once_make_one_token_request(caller: Caller):
    started = threading.Barrier(200)
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: OK) as api:
        caller.asks(endpoint.origin)
        downstream = caller.api(api.origin)

        def call(_: int) -> bytes:
            started.wait()
            return downstream.get()

        with ThreadPoolExecutor(200) as pool:
            assert list(pool.map(call, range(200))) == [b'{"ok": true}'] * 200
    assert len(endpoint.requests) == 1


def test_warm_calls_ask_for_no_token_and_keep_to_their_connections(caller: Caller):
    threads, calls = 6, 2_000  # `make bench` makes 10,000
    with Scripted(lambda request: token_reply()) as endpoint, Scripted(lambda request: OK) as api:
        caller.asks(endpoint.origin)
        downstream = caller.api(api.origin)
        with ThreadPoolExecutor(threads) as pool:
            assert sum(1 for _ in pool.map(lambda _: downstream.get(), range(calls))) == calls
    assert len(endpoint.requests) == 1
    assert len(api.requests) == calls
    assert api.connections <= threads


def test_the_real_chain_works_with_a_user_assigned_identity(caller: Caller, azure: LocalAzure):
    shared = "1de00003-c11d-4000-8000-000000000000"
    caller.is_site(azure)
    with Scripted(lambda request: OK) as api:
        caller.api(api.origin, IDENTITY_CLIENT_ID=shared).get()
    payload = api.requests[0].headers["authorization"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["azp"] == shared
