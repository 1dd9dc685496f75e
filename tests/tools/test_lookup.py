"""Lookup of one principal: ambiguous names are errors, and new objects are retried until they are replicated."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.support.forge import encode
from tests.support.scripted import Reply, Request, Scripted, as_json
from tools import lookup
from tools.console import FAULT, ToolError
from tools.graph import Graph, GraphError
from tools.lookup import find_one, retry_until_replicated

TENANT, OTHER = "10ca1000-0000-4000-8000-000000000000", "f0000000-0000-4000-8000-000000000000"
IDS = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 10)]
TOKEN = f"{encode({})}.{encode({'tid': TENANT})}.x"


def entry(number: int, name: str, **members: str) -> dict[str, str]:
    return {"id": IDS[number], "displayName": name, **members}


class Directory:
    """A fake Graph with filters by display name and requests by ID. An unreadable collection returns 403."""

    def __init__(self, unreadable: tuple[str, ...] = (), **collections: list[dict[str, str]]) -> None:
        self.unreadable = unreadable
        self.collections = collections

    def __call__(self, request: Request) -> Reply:
        path = unquote_plus(request.target.removeprefix("/v1.0/"))
        collection, _, rest = path.partition("?")
        collection, _, object_id = collection.partition("/")
        if collection in self.unreadable:
            return as_json(403, {"error": {"code": "Authorization_RequestDenied"}})
        entries = self.collections.get(collection, [])
        if object_id:
            found = [each for each in entries if each["id"] == object_id.lower()]
            return as_json(200, found[0]) if found else as_json(404, {"error": {"code": "Request_ResourceNotFound"}})
        return as_json(200, {"value": [each for each in entries if f"'{each['displayName']}'" in rest]})


@pytest.fixture
def find(run_tool: object, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(lookup, "REPLICATION_TIME", 0)

    def one(directory: Directory, text: str, *, users: bool = True) -> Any:
        with Scripted(directory) as server:
            return find_one(Graph(server.origin, lambda: TOKEN), text, users=users)

    return one


FOUND: list[tuple[str, Directory, str, bool, str]] = [
    ("an application", Directory(servicePrincipals=[entry(1, "api")]), "api", True, IDS[1]),
    (
        "an application of this tenant",
        Directory(servicePrincipals=[entry(1, "a", appOwnerOrganizationId=TENANT)]),
        "a",
        True,
        IDS[1],
    ),
    ("a user", Directory(users=[entry(2, "a")]), "a", True, IDS[2]),
    ("a group", Directory(groups=[entry(3, "a")]), "a", True, IDS[3]),
    ("a user by ID in upper case", Directory(users=[entry(2, "a")]), IDS[2].upper(), True, IDS[2]),
    (
        "an API with the name of a user",
        Directory(servicePrincipals=[entry(1, "a")], users=[entry(2, "a")]),
        "a",
        False,
        IDS[1],
    ),
    (
        "by ID, although users cannot be read",
        Directory(("users", "groups"), servicePrincipals=[entry(1, "a")]),
        IDS[1],
        True,
        IDS[1],
    ),
    (
        "by ID, an application of another tenant",
        Directory(servicePrincipals=[entry(1, "a", appOwnerOrganizationId=OTHER)]),
        IDS[1],
        True,
        IDS[1],
    ),
]


@pytest.mark.parametrize(("why", "directory", "text", "users", "object_id"), FOUND, ids=[case[0] for case in FOUND])
def test_one_principal_is_found(why, directory, text, users, object_id, find):
    assert find(directory, text, users=users).object_id == object_id


NOT_FOUND: list[tuple[str, Directory, str, bool, str]] = [
    ("an unknown name", Directory(), "a", True, "no service principal, user or group named a"),
    ("a user instead of an API", Directory(users=[entry(2, "a")]), "a", False, "no service principal named a"),
    (
        "two applications with one name",
        Directory(servicePrincipals=[entry(1, "a"), entry(2, "a")]),
        "a",
        True,
        "a is ambiguous",
    ),
    (
        "an application with a user's name",
        Directory(servicePrincipals=[entry(1, "a")], users=[entry(2, "a")]),
        "a",
        True,
        "a is ambiguous",
    ),
    (
        "an application, but users cannot be read",
        Directory(("users",), servicePrincipals=[entry(1, "a")]),
        "a",
        True,
        "Users and groups cannot be read",
    ),
    (
        "an application, but groups cannot be read",
        Directory(("groups",), servicePrincipals=[entry(1, "a")]),
        "a",
        True,
        "Users and groups cannot be read",
    ),
    (
        "an application of another tenant",
        Directory(servicePrincipals=[entry(1, "a", appOwnerOrganizationId=OTHER)]),
        "a",
        True,
        "an application of another tenant",
    ),
    ("a user by ID that cannot be read", Directory(("users",)), IDS[2], True, "does not have the permission"),
]


@pytest.mark.parametrize(
    ("why", "directory", "text", "users", "message"), NOT_FOUND, ids=[case[0] for case in NOT_FOUND]
)
def test_unknown_or_ambiguous_name_is_an_error(why, directory, text, users, message, find):
    with pytest.raises(ToolError, match=message) as raised:
        find(directory, text, users=users)
    assert raised.value.code == FAULT


def test_ambiguous_name_lists_the_object_ids(find):
    with pytest.raises(ToolError) as raised:
        find(Directory(servicePrincipals=[entry(1, "a")], groups=[entry(3, "a")]), "a")
    assert [line.split()[-1] for line in raised.value.lines] == [IDS[1], IDS[3]]


def test_new_object_is_retried_with_a_line_of_progress(capsys):
    missing = GraphError(404, "Request_ResourceNotFound", "not there")
    outcomes: list[object] = [missing, GraphError(400, "Request_BadRequest", "Not a valid reference update."), "there"]
    waits: list[float] = []

    def work() -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retry_until_replicated(work, sleep=waits.append) == "there"
    assert waits == [lookup.RETRY_INTERVAL] * 2
    assert len(capsys.readouterr().err.splitlines()) == 2

    outcomes[:] = [GraphError(400, "Request_BadRequest", "Permission being assigned was not found")]
    with pytest.raises(GraphError, match="was not found"):
        retry_until_replicated(work, sleep=waits.append)


def test_missing_object_is_retried_only_during_the_replication_time(capsys):
    waits: list[float] = []

    def work() -> object:
        raise GraphError(404, "Request_ResourceNotFound", "not there")

    with pytest.raises(GraphError, match="not there"):
        retry_until_replicated(work, sleep=waits.append)
    assert sum(waits) == lookup.REPLICATION_TIME
