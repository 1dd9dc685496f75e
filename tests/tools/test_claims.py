"""Parsing of pasted tokens and display of their claims, without verification."""

import contextlib
import json
import re
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.remediations import CLAIM_DESCRIPTIONS, UNDESCRIBED_CLAIM
from tests.support.forge import base64url, encode
from tools import claims
from tools.console import USAGE, ToolError

NOW = 1_800_000_000

PASTED = [
    ("the token alone", "a.b.c"),
    ("surrounded by white space", "\n  a.b.c \t\n"),
    ("with its scheme", "Bearer a.b.c"),
    ("with its scheme in mixed case", "bEARER   a.b.c"),
    ("as a header", "Authorization: Bearer a.b.c"),
    ("as a header of HTTP/2", "authorization:bearer a.b.c\r\n"),
]


@pytest.mark.parametrize(("why", "text"), PASTED, ids=[case[0] for case in PASTED])
def test_token_is_extracted_from_pasted_text(why, text):
    assert claims.extract_token(text) == "a.b.c"


def test_claims_are_read_with_and_without_padding():
    for value in ({"a": 1}, {"a": 12}, {"a": 123}, {"é": "ü"}):
        assert claims.read_claims(f"x.{encode(value)}.x") == value
        assert claims.read_claims(f"x.{encode(value)}==.x") == value


NOT_A_TOKEN = [
    ("an empty string", ""),
    ("a word", "hello"),
    ("two parts", f"x.{encode({})}"),
    ("four parts", f"x.{encode({})}.x.x"),
    ("empty claims", "x..x"),
    ("a list of claims", f"x.{encode([])}.x"),
    ("claims that are not JSON", f"x.{base64url(b'{')}.x"),
    ("claims that are not UTF-8", f"x.{base64url(bytes([123, 255, 125]))}.x"),
    ("deeply nested claims", f"x.{encode(b'[' * 100_000)}.x"),
    ("a number of 5,000 digits", f"x.{encode(b'[' + b'9' * 5000 + b']')}.x"),
    ("a character outside base64", "x.é.x"),
]


@pytest.mark.parametrize(("why", "text"), NOT_A_TOKEN, ids=[case[0] for case in NOT_A_TOKEN])
def test_text_that_is_not_a_token_is_an_error(why, text):
    with pytest.raises(ToolError, match="not a JSON Web Token") as raised:
        claims.read_claims(text)
    assert raised.value.code == USAGE


@given(st.text() | st.binary().map(lambda data: f"x.{base64url(data)}.x"))
def test_any_text_is_an_object_or_an_error(text: str):
    with contextlib.suppress(ToolError):
        assert isinstance(claims.read_claims(claims.extract_token(text)), dict)


SHOWN: list[tuple[str, str, Any, str]] = [
    ("a string", "name", "aad-func", "aad-func"),
    ("roles", "roles", ["A", "B"], "A, B"),
    ("no roles", "roles", [], ""),
    ("a list of other things", "groups", ["a", 1], '["a", 1]'),
    ("an object", "x", {"a": None}, '{"a": null}'),
    ("an expiry that is not a number", "exp", "soon", "soon"),
    ("an expiry that is a boolean", "exp", True, "true"),
    ("an expiry that is out of range", "exp", 10**30, str(10**30)),
    ("an expiry before 1970", "exp", -1, "-1"),
    ("a number in a claim that is not a time", "oid", NOW, str(NOW)),
]


@pytest.mark.parametrize(("why", "name", "value", "expected"), SHOWN, ids=[case[0] for case in SHOWN])
def test_value_is_formatted(why, name, value, expected):
    description = CLAIM_DESCRIPTIONS.get(name, UNDESCRIBED_CLAIM)
    assert claims.rows({name: value}) == [(name, expected, description)]


TIMES = [
    ("exp", 3600 * 23 + 60 * 59, "expires in 23 h 59 min"),
    ("exp", 59, "expires in 0 min"),
    ("exp", 0, "expired 0 min ago"),
    ("exp", -90 * 60, "expired 1 h 30 min ago"),
    ("iat", -300, "5 min ago"),
    ("nbf", 300.5, "in 5 min"),
]


@pytest.mark.parametrize(("name", "offset", "relative"), TIMES)
def test_time_is_local_and_relative_to_now(name, offset, relative, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(claims, "time", SimpleNamespace(time=lambda: float(NOW)))
    ((_, shown, _),) = claims.rows({name: NOW + offset})
    local = datetime.fromtimestamp(NOW + offset)
    assert re.fullmatch(rf"{local:%Y-%m-%d %H:%M:%S} \S+ \({relative}\)", shown)


VALUES = st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=10)


@given(st.dictionaries(st.text(), VALUES))
def test_any_claims_are_rows_of_strings(values: dict[str, Any]):
    found = claims.rows(json.loads(json.dumps(values)))
    assert [name for name, _, _ in found] == [*values]
    assert all(isinstance(cell, str) for row in found for cell in row)
