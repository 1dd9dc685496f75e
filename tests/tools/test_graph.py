"""Microsoft Graph client: filters, pages, retries and errors."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.scripted import CLOSE, Reply, Request, Scripted, as_json, http, in_turn
from tools import graph as module
from tools.console import FAULT, UNREACHABLE, ToolError
from tools.directory_objects import Principal
from tools.graph import Graph, GraphError

ID = "1de00001-0b1d-4000-8000-000000000000"
API = Principal("application", "aad-func", "aad00002-0b1d-4000-8000-000000000000")
EMPTY = as_json(200, {"value": []})
MISSING = as_json(404, {"error": {"code": "Request_ResourceNotFound", "message": "not there"}})


@pytest.fixture
def graph_of(run_tool: object) -> Callable[..., Graph]:
    """Return a function that returns a client for a server and appends the client's delays to `waits`."""

    def client(server: Scripted, waits: list[float] | None = None) -> Graph:
        return Graph(server.origin, lambda: "token", sleep=(waits if waits is not None else []).append)

    return client


def queries(server: Scripted) -> list[str]:
    """Return path and filter of each request."""
    parts = [urlsplit(request.target) for request in server.requests]
    return [" ".join([part.path.removeprefix("/v1.0/"), *parse_qs(part.query).get("$filter", [])]) for part in parts]


APPLICATIONS = [
    ("a display name", "aad-func", ["servicePrincipals displayName eq 'aad-func'"]),
    ("a quote", "o'brien", ["servicePrincipals displayName eq 'o''brien'"]),
    ("a name with filter syntax", "x' or 'a' eq 'a", ["servicePrincipals displayName eq 'x'' or ''a'' eq ''a'"]),
    ("a name with a path", "../users?x=1#y", ["servicePrincipals displayName eq '../users?x=1#y'"]),
    ("an App ID URI", "api://x'y", ["servicePrincipals servicePrincipalNames/any(n:n eq 'api://x''y')"]),
    ("a GUID", ID.upper(), [f"servicePrincipals/{ID.upper()}", f"servicePrincipals appId eq '{ID.upper()}'"]),
]


@pytest.mark.parametrize(("why", "text", "expected"), APPLICATIONS, ids=[case[0] for case in APPLICATIONS])
def test_names_of_service_principals_are_escaped_in_filters(why, text, expected, graph_of):
    with Scripted(lambda request: EMPTY if "filter" in request.target else MISSING) as server:
        assert graph_of(server).find_service_principals(text) == []
    assert queries(server) == expected


def test_users_and_groups_are_found_by_name_and_by_id(graph_of):
    with Scripted(lambda request: EMPTY if "filter" in request.target else MISSING) as server:
        assert graph_of(server).find_users_and_groups("o'brien") == []
        assert graph_of(server).find_users_and_groups(ID) == []
    by_name = "users displayName eq 'o''brien' or userPrincipalName eq 'o''brien'"
    assert queries(server) == [by_name, "groups displayName eq 'o''brien'", f"users/{ID}", f"groups/{ID}"]


def test_principal_that_is_found_twice_is_returned_once(graph_of):
    both = in_turn(as_json(200, {"id": ID}), as_json(200, {"value": [{"id": ID}]}))
    with Scripted(both) as server:
        assert [each.object_id for each in graph_of(server).find_service_principals(ID)] == [ID]


def test_role_is_assigned_and_revoked(graph_of):
    body = {"principalId": ID, "resourceId": API.object_id, "appRoleId": ID}
    with Scripted(lambda request: as_json(201, {}) if request.method == "POST" else http(204)) as server:
        graph_of(server).assign(API, body)
        graph_of(server).revoke(API, "a/../b?c")
    post, delete = server.requests
    collection = f"/v1.0/servicePrincipals/{API.object_id}/appRoleAssignedTo"
    assert (post.method, post.target, json.loads(post.body)) == ("POST", collection, body)
    assert (delete.method, delete.target) == ("DELETE", f"{collection}/a%2F..%2Fb%3Fc")
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer token"}


RETRIES: list[tuple[str, Reply, list[float]]] = [
    ("without Retry-After", http(429), [2.0, 4.0, 6.0]),
    ("with Retry-After", http(503, Retry_After="7"), [7.0, 7.0, 7.0]),
    ("with a long Retry-After", http(504, Retry_After="86400"), [60.0, 60.0, 60.0]),
    ("with a date", http(429, Retry_After="Fri, 31 Dec 2123 23:59:59 GMT"), [2.0, 4.0, 6.0]),
    ("with a number of 400 digits", http(429, Retry_After="9" * 400), [2.0, 4.0, 6.0]),
]


@pytest.mark.parametrize(("why", "reply", "expected"), RETRIES, ids=[case[0] for case in RETRIES])
def test_throttled_request_is_retried_within_limits(why, reply, expected, graph_of):
    waits: list[float] = []
    with Scripted(lambda request: reply) as server, pytest.raises(GraphError) as raised:
        graph_of(server, waits).call("GET", "users")
    assert (len(server.requests), waits) == (module.MAX_ATTEMPTS, expected)
    assert raised.value.status == int(reply.data.split()[1])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_other_errors_are_not_retried(status, graph_of):
    with Scripted(lambda request: http(status)) as server, pytest.raises(GraphError):
        graph_of(server).call("POST", "users", {})
    assert len(server.requests) == 1


ERRORS: list[tuple[str, Any, str, int, str]] = [
    ("Graph's message", {"error": {"code": "X", "message": "No."}}, "GET", 400, "No."),
    ("a missing read permission", {}, "GET", 403, "Application.Read.All"),
    ("a missing write permission", {}, "POST", 403, "AppRoleAssignment.ReadWrite.All"),
    ("an expired sign-in", {}, "GET", 401, "sign in again"),
    ("a list", [], "GET", 500, "Microsoft Graph returned 500."),
    ("an error that is a string", {"error": "x"}, "GET", 400, "Microsoft Graph returned 400."),
    ("a long message", {"error": {"message": "x" * 5000}}, "GET", 400, "x" * 1000),
]


@pytest.mark.parametrize(("why", "body", "method", "status", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_error_has_graphs_status_and_a_sentence(why, body, method, status, message, graph_of):
    with Scripted(lambda request: as_json(status, body)) as server, pytest.raises(GraphError) as raised:
        graph_of(server).call(method, "users", {} if method == "POST" else None)
    assert message in str(raised.value)
    assert len(str(raised.value)) <= 1000
    assert raised.value.status == status
    assert raised.value.code == (UNREACHABLE if status >= 500 else FAULT)


def pages(origin: str, link: Any) -> Callable[[Request], Reply]:
    first = {"value": [{"id": ID}], "@odata.nextLink": link.format(origin) if isinstance(link, str) else link}
    return in_turn(as_json(200, first), as_json(200, {"value": [{"id": API.object_id}]}))


def test_next_page_is_read(graph_of):
    with Scripted(lambda request: EMPTY) as server:
        server.answer = pages(server.origin, "{}/v1.0/users?$skiptoken=x")
        found = graph_of(server).find_users_and_groups("a")
    assert [each.object_id for each in found] == [ID, API.object_id, API.object_id]


LINKS = ["http://127.0.0.1:9/v1.0/users", "{}.evil.example/v1.0/", "{}/beta/users", "{}/v1.0", "//x/v1.0/", 7, ["x"]]


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_token_is_not_sent_to_a_foreign_next_page(link, graph_of):
    with (
        Scripted(lambda request: EMPTY) as server,
        pytest.raises(ToolError, match="next page is not a URL of Microsoft Graph"),
    ):
        server.answer = pages(server.origin, link)
        graph_of(server).find_users_and_groups("a")
    assert len(server.requests) == 1


def test_number_of_pages_is_limited(graph_of, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_PAGES", 3)
    with Scripted(lambda request: EMPTY) as server, pytest.raises(ToolError, match="more than 3 pages"):
        server.answer = lambda request: as_json(200, {"value": [], "@odata.nextLink": f"{server.origin}/v1.0/users"})
        graph_of(server).assignments(API)
    assert len(server.requests) == 3


NOT_GRAPH = [http(200, b"<html>"), http(200, b"[" * 100_000), as_json(200, []), as_json(200, {"value": {}}), CLOSE]


@pytest.mark.parametrize("reply", NOT_GRAPH, ids=["HTML", "nested lists", "a list", "no list", "no response"])
def test_server_that_is_not_graph_is_an_error(reply, graph_of):
    with Scripted(lambda request: reply) as server, pytest.raises(ToolError, match="Microsoft Graph") as raised:
        graph_of(server).assignments(API)
    assert raised.value.code == UNREACHABLE
