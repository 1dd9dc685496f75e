"""trace_headers: a valid W3C trace context is forwarded, anything else is dropped."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msi_func.trace_context import trace_headers

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def headers(parent: str | None, state: str | None = None) -> dict[str, str]:
    context: Any = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=parent, trace_state=state))
    return trace_headers(context)


INVALID_PARENTS = [
    None,
    "",
    "00-1",
    PARENT.upper(),
    PARENT + " ",
    PARENT + "\n",
    PARENT + "-x",
    "ff" + PARENT[2:],
    PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
    PARENT.replace("b7ad6b7169203331", "0" * 16),
    PARENT.replace("0af7", "0ag7"),
    PARENT.replace("0af7", "\u0660af7"),
]


@pytest.mark.parametrize("parent", INVALID_PARENTS)
def test_invalid_traceparent_is_dropped_with_its_tracestate(parent):
    assert headers(parent, "a=b") == {}


@pytest.mark.parametrize("version", ["00", "01", "fe"])
def test_traceparent_is_forwarded(version):
    assert headers(version + PARENT[2:]) == {"traceparent": version + PARENT[2:]}


VALID_STATES = [
    "a=b",
    "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    "fw529a3039@dt=FfAAE,a/b*c-d_e=1",
    "a=b , c=d\t,\te=f",
    "a=b,,c=d,",
    "a=x y",
    "a=" + "x" * 256,
    ",".join(f"k{number}=v" for number in range(32)),
    "a=" + "x" * 254 + ",b=" + "y" * 252,
]


@pytest.mark.parametrize("state", VALID_STATES)
def test_tracestate_is_forwarded(state):
    assert headers(PARENT, state) == {"traceparent": PARENT, "tracestate": state}


INVALID_STATES = [None, "", "a=é", "a=\u0105", "a=b\r\nHost: evil.example", "a=b\n", "a=b\0", "a=" + "x" * 511]


@pytest.mark.parametrize("state", INVALID_STATES)
def test_invalid_tracestate_is_dropped(state):
    assert headers(PARENT, state) == {"traceparent": PARENT}


@given(parent=st.one_of(st.just(PARENT), st.text()), state=st.text())
def test_forwarded_values_are_printable_ascii(parent, state):
    for value in headers(parent, state).values():
        assert value.isascii()
        assert value.replace("\t", "").isprintable()
        assert len(value) <= 512
