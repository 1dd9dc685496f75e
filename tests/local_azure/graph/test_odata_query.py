"""OData query options: $select, and $top with the link to the next page."""

import pytest
import requests

from local_azure.tenant.loader import load
from tests.local_azure.graph.graph_client import DEVELOPER, GraphClient


def test_select_returns_only_the_named_properties(graph: GraphClient):
    listed = graph.send("GET", "users?$select=displayName,id").json()
    assert {frozenset(user) for user in listed["value"]} == {frozenset({"displayName", "id"})}
    assert listed["@odata.context"].endswith("$metadata#users(displayName,id)")
    one = graph.send("GET", f"users/{DEVELOPER}?$select=displayName").json()
    assert one.keys() == {"@odata.context", "displayName"}
    me = graph.send("GET", "me?$select=id", graph.user_token("developer@local.example")).json()
    assert (me["id"], len(me)) == (DEVELOPER, 2)


def test_top_returns_pages_with_links(graph: GraphClient):
    names, url, pages = [], f"{graph.url}/users?$top=3&$select=displayName", 0
    while url:
        assert url.startswith(f"{graph.url}/users?")
        page = requests.get(url, headers={"Authorization": f"Bearer {graph.user_token()}"}, timeout=10).json()
        assert len(page["value"]) <= 3
        names += [user["displayName"] for user in page["value"]]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert (names, pages) == ([user.name for user in load().users], 2)
    exact = graph.send("GET", f"users?$top={len(names)}").json()
    assert "@odata.nextLink" not in exact
    filtered = graph.send("GET", "users?$top=1&$filter=displayName eq 'developer@local.example'").json()
    assert (len(filtered["value"]), "@odata.nextLink" in filtered) == (1, False)


def test_page_has_100_objects_by_default(graph: GraphClient, monkeypatch):
    users = [{"id": str(number), "displayName": "x"} for number in range(101)]
    monkeypatch.setattr("local_azure.graph.resources.entities", lambda kind, directory: users)
    first = graph.send("GET", "users").json()
    assert len(first["value"]) == 100
    headers = {"Authorization": f"Bearer {graph.user_token()}"}
    rest = requests.get(first["@odata.nextLink"], headers=headers, timeout=10).json()
    assert rest["value"] == users[100:]
    assert "@odata.nextLink" not in rest


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$top=0", "Invalid page size specified: '0'. Must be between 1 and 999 inclusive."),
        ("$top=1000", "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."),
        ("$top=-1", "Invalid page size specified: '-1'."),
        ("$top=", "Invalid page size specified: ''."),
        ("$top=٣", "Invalid page size specified: '٣'."),
        ("$skiptoken=x", "The specified page token value has expired"),
        ("$skiptoken=99999999999", "The specified page token value has expired"),
    ],
)
def test_invalid_page_is_rejected(query: str, message: str, graph: GraphClient):
    response = graph.send("GET", f"users?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert response.json()["error"]["message"].startswith(message)
