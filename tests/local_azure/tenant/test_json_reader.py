"""Strict JSON: any file is an object or an error, and each member is checked as it is read."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local_azure.tenant.json_reader import Format, JsonObject, TenantFileError, read_json_object, require_distinct

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "tenant.json"


@given(content=st.binary() | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
@example(b'{"a": 1, "a": 1}')
@example(b"\xef\xbb\xbf{}")
@example(b'{"a": NaN}')
@example(b'{"a": ' * 10_000)
@example(b'{"a": 1' + b"0" * 5000 + b"}")
def test_any_file_is_parsed_or_rejected(file: Path, content: bytes):
    file.write_bytes(content)
    try:
        read_json_object(file)
    except TenantFileError:
        return
    assert isinstance(json.loads(content.decode("utf-8-sig")), dict)


@given(value=st.dictionaries(st.text(), JSON, max_size=3))
def test_member_is_unknown_until_it_is_read(value: dict[str, Any]):
    found = JsonObject(value)
    names = set(value) - {"//"}
    for name in names:
        assert name in found
        with pytest.raises(TenantFileError):
            found.reject_unknown_members()
        with contextlib.suppress(TenantFileError):
            found.string(name)
    found.reject_unknown_members()


def test_byte_order_mark_is_accepted(file: Path):
    """Some editors on Windows write a byte order mark."""
    file.write_bytes(b'\xef\xbb\xbf{"name": "x"}')
    assert read_json_object(file).string("name") == "x"


NESTED = {"list": [{"name": "a"}], "object": {"name": "b"}, "flag": False, "null": None, "number": 1}
READS = [
    ("a missing string", lambda o: o.string("name"), "name is missing"),
    ("an object as a string", lambda o: o.string("object"), "object must be a non-empty string"),
    ("false as a string", lambda o: o.string("flag"), "flag must be a non-empty string"),
    ("null as a string", lambda o: o.string("null", "default"), "null must be a non-empty string"),
    ("a number as a boolean", lambda o: o.boolean("number"), "number must be true or false"),
    ("a list as an object", lambda o: o.object("list"), "list must be a JSON object"),
    ("an object as a list", lambda o: o.objects("object", lambda entry: entry), "object must be a list"),
    ("a list of objects as strings", lambda o: o.strings("list"), "list must be a list of non-empty strings"),
    ("a boolean as one of numbers", lambda o: o.one_of("flag", (0, 1)), "flag must be one of 0, 1"),
    ("a number as a GUID", lambda o: o.guid("number"), "number must be a lowercase GUID"),
    (
        "a member that no parser reads",
        lambda o: o.objects("list", lambda e: e),
        "list[0].name is unknown. Known members: ",
    ),
    ("a string in a nested object", lambda o: o.object("object").guid("name"), "object.name must be a lowercase GUID"),
]


@pytest.mark.parametrize(("why", "read", "message"), READS, ids=[case[0] for case in READS])
def test_value_of_another_type_is_an_error_that_names_the_member(why, read, message):
    with pytest.raises(TenantFileError) as caught:
        read(JsonObject(NESTED))
    assert str(caught.value).startswith(message)


def test_missing_members_have_defaults():
    empty = JsonObject({})
    assert (empty.string("a", None), empty.boolean("b", True), empty.strings("c", ())) == (None, True, ())
    assert (empty.one_of("d", (1, 2), 2), empty.guids("e"), empty.references("f", {})) == (2, (), ())
    assert (empty.objects("g", lambda entry: entry), empty.object("h").string("i", "x")) == ((), "x")


def test_null_is_missing_at_every_level_on_request():
    value = {"a": None, "b": {"c": None}}
    lenient, strict = JsonObject(value, null_is_missing=True), JsonObject(value)
    assert (lenient.string("a", "x"), lenient.object("b").string("c", "y")) == ("x", "y")
    for read in (lambda: strict.string("a", "x"), lambda: strict.object("b").string("c", "y")):
        with pytest.raises(TenantFileError, match="must be a non-empty string"):
            read()


def test_formats_match_the_whole_string():
    lower = Format("[a-z]+", "a lowercase word", "lowercase words")
    assert JsonObject({"a": "abc"}).string("a", like=lower) == "abc"
    for value in ("abc\n", "\nabc", "abc ", "", "aBc"):
        with pytest.raises(TenantFileError, match=r"^a must be a lowercase word$"):
            JsonObject({"a": value}).string("a", like=lower)


def test_duplicates_are_found_regardless_of_case():
    require_distinct([("a.name", "x"), ("b.name", "y")])
    with pytest.raises(TenantFileError, match=r"^c\.name must not have the same value as a\.name: X$"):
        require_distinct([("a.name", "x"), ("b.name", "y"), ("c.name", "X")])
