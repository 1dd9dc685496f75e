"""Route templates: matched by segment and ignoring case, as in ASP.NET."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.functions_host.routing import RouteTemplate

GUID = "aad00002-c11d-4000-8000-00000000000F"
MATCHES = [
    ("a literal", "api/orders", "/api/orders", {}),
    ("different capitalization", "api/Orders", "/API/oRDERS", {}),
    ("a trailing slash", "api/orders", "/api/orders/", {}),
    ("a template with leading and trailing slashes", "/api/orders/", "/api/orders", {}),
    ("the root", "", "/", {}),
    ("a parameter", "api/{id}", "/api/7", {"id": "7"}),
    ("a parameter in mixed case", "api/{id}", "/api/aB", {"id": "aB"}),
    ("several parameters", "api/{a}/x/{b}", "/api/1/x/2", {"a": "1", "b": "2"}),
    ("an optional parameter", "api/{id?}", "/api/7", {"id": "7"}),
    ("an absent optional parameter", "api/{id?}", "/api", {}),
    ("an integer", "api/{id:int}", "/api/-7", {"id": "-7"}),
    ("a GUID", "api/{id:guid}", f"/api/{GUID}", {"id": GUID}),
    ("a boolean", "api/{id:bool}", "/api/True", {"id": "True"}),
    ("letters", "api/{id:alpha}", "/api/abC", {"id": "abC"}),
    ("an optional integer", "api/{id:int?}", "/api", {}),
    ("the rest of the path", "files/{*path}", "/files/a/b%2Fc", {"path": "a/b%2Fc"}),
    ("the rest, with two asterisks", "files/{**path}", "/files/a/b", {"path": "a/b"}),
    ("an empty rest", "files/{*path}", "/files", {}),
    ("characters of regular expressions", "a.b/(c)+", "/a.b/(c)+", {}),
]


@pytest.mark.parametrize(("why", "template", "path", "params"), MATCHES, ids=[case[0] for case in MATCHES])
def test_matching_path_has_its_parameters(why, template, path, params):
    assert RouteTemplate(template).match(path) == params


OTHERS = [
    ("a longer path", "api/orders", "/api/orders/7"),
    ("a shorter path", "api/orders", "/api"),
    ("a segment that starts with the template", "api/orders", "/api/orders2"),
    ("two slashes", "api/orders", "/api//orders"),
    ("two segments for one parameter", "api/{id}", "/api/a/b"),
    ("an empty parameter", "api/{id}/x", "/api//x"),
    ("another character instead of a dot", "a.b", "/axb"),
    ("not an integer", "api/{id:int}", "/api/7x"),
    ("digits of another script", "api/{id:int}", "/api/٣"),
    ("not a GUID", "api/{id:guid}", "/api/7"),
    ("not a boolean", "api/{id:bool}", "/api/1"),
    ("not only letters", "api/{id:alpha}", "/api/a1"),
    ("a line break at the end", "api/orders", "/api/orders\n"),
    ("a segment that starts with the folder's name", "files/{*path}", "/filesystem"),
]


@pytest.mark.parametrize(("why", "template", "path"), OTHERS, ids=[case[0] for case in OTHERS])
def test_other_path_does_not_match(why, template, path):
    assert RouteTemplate(template).match(path) is None


@pytest.mark.parametrize("template", ["api/{id:regex(x)}", "api/{id:double}", "api/{id", "api/x{id}", "api/{id=7}"])
def test_unsupported_template_is_an_error_that_names_it(template: str):
    with pytest.raises(ValueError, match="is not supported by the local host"):
        RouteTemplate(template)


@given(value=st.text(st.characters(exclude_characters="/"), min_size=1))
def test_parameter_is_any_text_without_a_slash(value: str):
    assert RouteTemplate("api/{id}").match(f"/api/{value}") == {"id": value}
