"""$filter: supported conditions, and rejection of all others."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.graph import odata_filter
from tests.local_azure.graph.graph_client import API, GraphClient


def test_invalid_filter_is_rejected(graph: GraphClient):
    response = graph.send("GET", "servicePrincipals?$filter=startswith(displayName,'a')")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


def test_service_principal_is_found_by_app_id_uri(graph: GraphClient):
    names = f"servicePrincipalNames/any(n:n eq '{API.app_id_uris[0]}')"
    (found,) = graph.send("GET", f"servicePrincipals?$filter={names}").json()["value"]
    assert found["id"] == API.object_id


UNSUPPORTED = ["startswith(displayName,'a')", "id eq 'x'", "displayName eq x", "displayName eq 'a' and appId eq 'b'"]


@pytest.mark.parametrize("condition", UNSUPPORTED)
def test_unsupported_filter_has_graphs_code(condition, graph: GraphClient):
    response = graph.send("GET", f"servicePrincipals?$filter={condition}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


ENTRY = {"displayName": "O'Neil or Sons", "appId": "A1", "names": ["api://x", "A1"], "members": 3, "empty": None}
NAMES = frozenset({"displayName", "appId", "names", "missing", "empty"})
FILTERS = [
    ("different capitalization", "appId eq 'a1'", True),
    ("additional spaces", "  appId   eq   'A1'  ", True),
    ("another value", "appId eq 'A'", False),
    ("an empty value", "appId eq ''", False),
    ("a doubled quote", "displayName eq 'O''Neil or Sons'", True),
    ("or within a value", "displayName eq 'a or b'", False),
    ("the first of two", "appId eq 'A1' or appId eq 'x'", True),
    ("the last of three", "appId eq 'x' or appId eq 'y' or appId eq 'A1'", True),
    ("none of two", "appId eq 'x' or appId eq 'y'", False),
    ("or within one of two values", "displayName eq 'a or b' or appId eq 'A1'", True),
    ("one of a list", "names/any(n:n eq 'API://x')", True),
    ("none of a list", "names/any(n:n eq 'x')", False),
    ("a list without any", "names eq 'A1'", False),
    ("any of a property that is not a list", "appId/any(n:n eq 'A1')", False),
    ("a missing property", "missing eq 'x'", False),
    ("a property that is null", "empty eq 'x'", False),
]


@pytest.mark.parametrize(("why", "text", "matches"), FILTERS, ids=[case[0] for case in FILTERS])
def test_filter_matches_values_ignoring_case(why, text, matches):
    assert odata_filter.parse(text, NAMES)(ENTRY) is matches


INVALID = [
    ("an empty filter", ""),
    ("a property that cannot be filtered", "members eq '3'"),
    ("another operator", "appId ne 'x'"),
    ("a value without quotes", "appId eq 3"),
    ("a quote that is not doubled", "displayName eq 'O'Neil'"),
    ("a quote that is not closed", "appId eq 'x"),
    ("two variables", "names/any(n:m eq 'x')"),
    ("and", "appId eq 'x' and appId eq 'y'"),
    ("not", "not appId eq 'x'"),
    ("parentheses", "(appId eq 'x')"),
    ("or at the end", "appId eq 'x' or "),
    ("or in upper case", "appId eq 'x' OR appId eq 'y'"),
]


@pytest.mark.parametrize(("why", "text"), INVALID, ids=[case[0] for case in INVALID])
def test_other_filter_is_invalid(why, text):
    with pytest.raises(ValueError, match=r"^this filter is not supported$"):
        odata_filter.parse(text, NAMES)


@given(value=st.text(max_size=20), other=st.text(max_size=20))
def test_any_quoted_value_is_compared_as_text(value: str, other: str):
    """A value cannot close the quotes and add a condition."""
    quoted = value.replace("'", "''")
    matches = odata_filter.parse(f"appId eq '{quoted}'", NAMES)
    assert matches({"appId": value})
    assert matches({"appId": other}) == (other.lower() == value.lower())


@given(text=st.text(alphabet="appId eq'or ()/any:n", max_size=200) | st.text())
def test_any_filter_is_parsed_or_rejected(text: str):
    with contextlib.suppress(ValueError):
        odata_filter.parse(text, NAMES)(ENTRY)


@pytest.mark.parametrize(
    "text", ["appId eq '" + "'" * 50_000, "appId eq 'x'" + " or appId eq 'x" * 500, " or " * 20_000]
)
def test_long_invalid_filter_is_rejected_quickly(text: str):
    """Measured as CPU time, so that other load on the machine does not affect the result."""
    start = time.process_time()
    with pytest.raises(ValueError, match="not supported"):
        odata_filter.parse(text, NAMES)
    assert time.process_time() - start < 2
