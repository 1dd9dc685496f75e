"""extract_bearer_token: exactly one token in one Authorization header. Ambiguous headers are rejected."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.bearer_token import MAX_TOKEN_CHARS, extract_bearer_token
from common.problems import Problem

LONGEST = "a" * (MAX_TOKEN_CHARS - 4) + ".b.c"

ACCEPTED = [
    ("as issued", "Bearer a.b.c", "a.b.c"),
    ("the scheme in mixed case (RFC 9110 section 11.1)", "bEARER a.b.c", "a.b.c"),
    ("extra spaces", "  Bearer   a.b.c  ", "a.b.c"),
    ("the longest token", f"Bearer {LONGEST}", LONGEST),
]


@pytest.mark.parametrize(("why", "header", "token"), ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_token_is_returned_unchanged(why, header, token):
    assert extract_bearer_token(header) == token


REJECTED = [
    ("no header", None, "missing_token"),
    ("an empty header", "", "missing_token"),
    ("another scheme", "Basic eDp5", "missing_token"),
    ("no scheme", "a.b.c", "missing_token"),
    ("no space after the scheme", "Bearera.b.c", "missing_token"),
    ("a tab, which does not separate", "Bearer\ta.b.c", "missing_token"),
    ("credentials of another scheme before it", "Basic eDp5,Bearer a.b.c", "missing_token"),
    ("an empty header before it", ",Bearer a.b.c", "missing_token"),
    ("no token", "Bearer", "malformed_token"),
    ("two parts", "Bearer a.b", "malformed_token"),
    ("five parts, an encrypted token", "Bearer a.b.c.d.e", "malformed_token"),
    ("two headers", "Bearer a.b.c,Bearer d.e.f", "malformed_token"),
    ("two headers, the first without a token", "Bearer,Bearer a.b.c", "malformed_token"),
    ("one character too long", f"Bearer a{LONGEST}", "malformed_token"),
    ("a Cyrillic letter", "Bearer \u0430.b.c", "malformed_token"),
    ("a no-break space", "Bearer \u00a0a.b.c", "malformed_token"),
]


@pytest.mark.parametrize(("why", "header", "code"), REJECTED, ids=[case[0] for case in REJECTED])
def test_header_without_exactly_one_token_is_rejected(why, header, code):
    with pytest.raises(Problem) as raised:
        extract_bearer_token(header)
    assert raised.value.code == code
    assert raised.value.detail == raised.value.type.description  # without a part of the header


@given(st.text() | st.text("Bearer .,\tabc").map("Bearer {}".format))
def test_any_header_is_an_ascii_token_of_limited_length_or_a_problem(header: str):
    with contextlib.suppress(Problem):
        token = extract_bearer_token(header)
        assert token in header
        assert token.isascii()
        assert len(token) <= MAX_TOKEN_CHARS
        assert token.count(".") == 2
