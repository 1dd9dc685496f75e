"""Values of control commands: any request has valid values or is an error that names the value."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from local_azure.control import values as parse
from local_azure.control.values import BadRequest, read_values
from local_azure.serving.request_body import DEFAULT_LIMIT


def read(body: bytes, query: str = "") -> dict[str, Any]:
    """Return the values of a request."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [], "query_string": query.encode()}
    return dict(asyncio.run(read_values(Request(scope, receive))))


@given(body=st.binary())
@example(b"[" * 100_000)
@example(b"1" * 5000)
@example(b'{"a": "\\ud800"}')
@example(b'{"\\udfff": 1}')
@example(b"\xff")
@example(b" " * (DEFAULT_LIMIT + 1))
def test_any_body_is_parsed_or_rejected(body: bytes):
    try:
        values = read(body)
    except BadRequest:
        return
    assert values == (json.loads(body) if body else {})
    assert json.dumps(values, ensure_ascii=False).encode()


def test_body_overrides_the_query():
    assert read(b'{"endpoint": "msi"}', "endpoint=keys&status=503") == {"endpoint": "msi", "status": "503"}
    assert read(b"", "status=503") == {"status": "503"}


NUMBERS = [
    ("the minimum", 0, 0),
    ("the maximum", 3600, 3600),
    ("text", "1.5", 1.5),
    ("missing", None, None),
    ("below the minimum", -0.1, "must be a number from 0 to 3600."),
    ("above the maximum", 3600.1, "must be a number from 0 to 3600."),
    ("not a number", "nan", "must be a number from 0 to 3600."),
    ("infinite", "inf", "must be a number from 0 to 3600."),
    ("a list", [1], "must be a number from 0 to 3600."),
    ("an object", {}, "must be a number from 0 to 3600."),
    ("too large for a float", 10**400, "must be a number from 0 to 3600."),
]


@pytest.mark.parametrize(("why", "value", "expected"), NUMBERS, ids=[case[0] for case in NUMBERS])
def test_number_is_within_its_limits(why, value, expected):
    values = {} if value is None else {"delay": value}
    if not isinstance(expected, str):
        assert parse.number(values, "delay", 0, 3600) == expected
        return
    with pytest.raises(BadRequest, match=f"^delay {expected}"):
        parse.number(values, "delay", 0, 3600)


def test_null_is_not_a_number():
    with pytest.raises(BadRequest, match=r"^delay must be a number"):
        parse.number({"delay": None}, "delay", 0, 3600)


def test_integer_is_whole():
    assert [parse.integer({"n": value}, "n", 1, 9) for value in (1, "2", 3.0)] == [1, 2, 3]
    assert parse.integer({}, "n", 1, 9) is None
    with pytest.raises(BadRequest, match=r"^n must be a whole number\.$"):
        parse.integer({"n": 1.5}, "n", 1, 9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("TRUE", True), ("false", False), ("1", True), (0, False), (1, True)],
)
def test_boolean_is_accepted_as_json_and_as_text(value, expected):
    assert parse.boolean({"reset": value}, "reset") is expected
    assert parse.boolean({}, "reset") is False


@pytest.mark.parametrize("value", ["", "yes", 2, None, [True], {}])
def test_other_values_are_not_boolean(value):
    with pytest.raises(BadRequest, match=r"^reset must be true or false\.$"):
        parse.boolean({"reset": value}, "reset")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86_400), ("9999d", 863_913_600)])
def test_duration_is_in_seconds(text: str, seconds: int):
    assert parse.duration({"duration": text}, "duration") == seconds


@given(text=st.text(alphabet="0123456789smhd -+.\n٣") | st.text())
def test_any_duration_is_positive_or_an_error(text: str):
    try:
        seconds = parse.duration({"duration": text}, "duration")
    except BadRequest:
        return
    assert text.isascii()
    assert 0 < seconds <= 9999 * 86_400


def test_unknown_name_is_an_error_that_lists_known_names():
    parse.reject_unknown({"kid": "x"}, "kid")
    with pytest.raises(BadRequest, match=r"^kdi is not supported\. Supported parameters: kid\.$"):
        parse.reject_unknown({"kdi": "x"}, "kid")
    with pytest.raises(BadRequest, match=r"^kid is not supported\. Supported parameters: none\.$"):
        parse.reject_unknown({"kid": "x"})
