"""Forwarded members of an API's error response, and settings in the advice."""

import functools
import json
from typing import Any

import pytest
from multidict import CIMultiDict

from common.problems import Problem, problem_response
from msi_func.downstream_errors import MAX_RETRY_AFTER, check_response, with_prefix
from msi_func.http_client import DownstreamResponse
from tests.support.caller import Caller, caller, unsigned_token
from tests.support.scripted import Reply, Scripted, as_json, http

__all__ = ["caller"]

SENT = unsigned_token("token")


def response(status: int, body: bytes = b"", **headers: str) -> DownstreamResponse:
    return DownstreamResponse(
        status, CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}), body
    )


def problem_of(status: int, document: Any, **headers: str) -> Problem:
    with pytest.raises(Problem) as raised:
        check_response(
            response(status, json.dumps(document).encode(), Content_Type="application/json", **headers), SENT
        )
    return raised.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_success_raises_no_problem(status):
    check_response(response(status, b"x", X="y"), SENT)


QUOTES = [
    ("the body", response(200, f'{{"you sent": "{SENT}"}}'.encode())),
    ("a body that is not text", response(200, b"\xff\0" + SENT.encode() + b"\xff")),
    ("a header", response(204, X=f"Bearer {SENT}")),
]


@pytest.mark.parametrize(("why", "quoting"), QUOTES, ids=[case[0] for case in QUOTES])
def test_response_that_contains_the_token_is_rejected(why, quoting):
    with pytest.raises(Problem) as raised:
        check_response(quoting, SENT)
    assert raised.value.code == "downstream_invalid_response"
    assert SENT not in raised.value.detail


def test_response_is_not_scanned_without_a_token():
    check_response(response(200, b"x", X="y"), "")


ERRORS: list[tuple[str, Reply, int]] = [
    ("a problem document", as_json(403, {"code": "missing_role", "detail": "No."}), 403),
    ("Easy Auth's 401, which is not JSON", http(401, b"You do not have permission."), 401),
    ("a disabled function's empty 404", http(404), 404),
    ("a redirect to a login page", http(302, Location="https://login.example/"), 302),
    ("304", http(304), 304),
    ("JSON that is not an object", as_json(500, ["x"]), 500),
    ("an unknown status", http(999), 999),
    ("an error that contains the token", as_json(500, {"x": SENT}, X_Token=SENT), 500),
]


@pytest.mark.parametrize(("why", "reply", "status"), ERRORS, ids=[case[0] for case in ERRORS])
def test_downstream_error_reports_the_api_status(why, reply, status, caller: Caller):
    with Scripted(lambda request: reply) as api:
        problem = caller.problem_of(caller.api(api.origin).get(authenticate=False))
    assert problem.code == "downstream_error"
    assert problem.members["downstream"]["status"] == status
    assert problem.detail.startswith(f"The called API returned status {status}")
    assert SENT not in json.dumps(problem.members)
    assert len(api.requests) == 1


def test_code_and_detail_are_passed_on_with_advice():
    error = {"code": "missing_role", "detail": "The caller does not.", "required_roles": ["DoAll"], "other": "dropped"}
    problem = problem_of(403, error)
    assert problem.members["downstream"] == {
        "status": 403,
        "code": "missing_role",
        "detail": "The caller does not.",
        "required_roles": ["DoAll"],
    }
    assert "24 hours" in problem.members["advice"]
    assert problem.detail == "The called API returned status 403 (missing_role)."


ADVICE: list[tuple[str, Any, str]] = [
    ("an application", {"kind": "application"}, "24 hours"),
    ("a user", {"kind": "user"}, "sign in again"),
    ("a caller that is not an object", ["user"], "24 hours"),
]


@pytest.mark.parametrize(("why", "caller", "advice"), ADVICE, ids=[case[0] for case in ADVICE])
def test_advice_for_a_missing_role_depends_on_the_kind_of_caller(why, caller, advice):
    assert advice in problem_of(403, {"code": "missing_role", "caller": caller}).members["advice"]


def test_unknown_code_has_no_advice():
    assert "advice" not in problem_of(404, {"code": "ItemNotFound"}).members


GRAPH = {"code": "Request_ResourceNotFound", "message": "Resource 'x' does not exist."}
KNOWN = [
    ("Microsoft Graph", {"error": {**GRAPH, "innerError": {"request-id": "1"}}}, {"error": GRAPH}),
    ("OAuth", {"error": "invalid_scope", "error_description": "No such scope."}, None),
    ("settings", {"code": "misconfigured", "settings": ["A", "B"]}, None),
    ("a scope", {"code": "missing_scope", "required_scope": "user_impersonation"}, None),
    ("the authentication scheme", {"code": "wrong_tenant", "authenticated_by": "easy_auth"}, None),
]


@pytest.mark.parametrize(("why", "error", "expected"), KNOWN, ids=[case[0] for case in KNOWN])
def test_known_error_members_are_passed_on(why, error, expected):
    assert problem_of(400, error).members["downstream"] == {"status": 400, **(expected or error)}


INVALID_MEMBERS: list[tuple[str, dict[str, Any]]] = [
    ("a code that is a list", {"code": ["missing_role"]}),
    ("a code that forges a log line", {"code": "x\r\nWARNING: a forged log line"}),
    ("a code with a trailing line break", {"code": "x\n"}),
    ("a code that is too long", {"code": "x" * 65}),
    ("a detail that is a list", {"detail": ["a"]}),
    ("a detail that is too long", {"detail": "x" * 1001}),
    ("roles that include a number", {"required_roles": ["DoAll", 1]}),
    ("settings that are not a list", {"settings": "A"}),
    ("settings that include a number", {"settings": ["A", 1]}),
    ("settings that are too long", {"settings": ["A" * 600, "B" * 600]}),
    ("10,000 roles", {"roles": [""] * 10_000}),
    ("a status that is a string", {"status": "x"}),
    ("a detail that contains the token", {"detail": f"Bearer {SENT} is invalid"}),
    ("settings that contain the token", {"settings": ["A", SENT]}),
    ("an error description that contains the token", {"error_description": SENT}),
    ("Graph's message that contains the token", {"error": {"message": f"{SENT} is invalid"}}),
    ("Graph's error with other types", {"error": {"code": 7, "message": ["x"]}}),
    ("Graph's error without members", {"error": {}}),
    ("Graph's message that is too long", {"error": {"message": "x" * 1001}}),
    ("a nested error", {"error": {"error": {"code": "x"}, "detail": "x"}}),
    ("900 nested errors", functools.reduce(lambda inner, _: {"error": inner}, range(900), {})),
    ("an OAuth error with a space", {"error": "two words"}),
    ("an OAuth description that is an object", {"error_description": {"a": 1}}),
]


@pytest.mark.parametrize(("why", "error"), INVALID_MEMBERS, ids=[case[0] for case in INVALID_MEMBERS])
def test_invalid_error_members_are_dropped(why, error):
    problem = problem_of(403, error)
    assert problem.members == {"downstream": {"status": 403}}
    assert problem.detail == "The called API returned status 403."


def test_invalid_members_do_not_hide_the_others():
    error = {"code": 7, "detail": "x" * 1001, "required_roles": ["DoAll", 1], "settings": ["A", "B"], "status": "x"}
    assert problem_of(403, error).members["downstream"] == {"status": 403, "settings": ["A", "B"]}


RETRY_AFTER = [
    ("7", "7"),
    ("0", None),
    ("soon", None),
    ("999999999", str(MAX_RETRY_AFTER)),
    ("Fri, 31 Dec 2123 23:59:59 GMT", str(MAX_RETRY_AFTER)),
    ("Mon, 01 Jan 2001 00:00:00 GMT", None),
]


@pytest.mark.parametrize(("value", "passed_on"), RETRY_AFTER)
def test_retry_after_is_passed_on_in_seconds(value, passed_on):
    headers = problem_response(problem_of(429, {}, Retry_After=value)).headers
    assert headers.get("Retry-After") == passed_on


PREFIXED = [
    ("Compare AAD_FUNC_SCOPE with AAD_FUNC_CLIENT_ID.", "Compare GRAPH_SCOPE with AAD_FUNC_CLIENT_ID."),
    ("AAD_FUNC_URL, AAD_FUNC_TIMEOUT_SECONDS", "GRAPH_URL, GRAPH_TIMEOUT_SECONDS"),
    ("AAD_FUNC_MAX_RESPONSE_BYTES AAD_FUNC_IDENTITY_CLIENT_ID", "GRAPH_MAX_RESPONSE_BYTES GRAPH_IDENTITY_CLIENT_ID"),
    ("AAD_FUNC_URLS /api/aad-func AAD_FUNC", "AAD_FUNC_URLS /api/aad-func AAD_FUNC"),
]


@pytest.mark.parametrize(("text", "expected"), PREFIXED)
def test_prefix_replaces_only_settings_of_a_call(text, expected):
    assert with_prefix(text, "GRAPH") == expected
