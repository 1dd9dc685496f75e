"""The invocation context, which continues the caller's trace or starts a new trace."""

import re
from pathlib import Path

import pytest

from local_azure.functions_host.context import InvocationContext, TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_trace_of_the_caller_continues_with_a_new_span():
    found = TraceContext.from_headers({"traceparent": PARENT, "tracestate": "vendor=1"})
    version, trace, span, flags = found.trace_parent.split("-")
    assert (version, trace, flags, found.trace_state) == ("00", TRACE, "01", "vendor=1")
    assert re.fullmatch("[0-9a-f]{16}", span)
    assert span != SPAN


INVALID = [
    ("missing", {}),
    ("empty", {"traceparent": ""}),
    ("upper case", {"traceparent": PARENT.upper()}),
    ("a short trace ID", {"traceparent": f"00-{TRACE[1:]}-{SPAN}-01"}),
    ("a short span ID", {"traceparent": f"00-{TRACE}-{SPAN[1:]}-01"}),
    ("no flags", {"traceparent": f"00-{TRACE}-{SPAN}"}),
    ("two values, joined", {"traceparent": f"{PARENT},{PARENT}"}),
    ("a line break", {"traceparent": f"{PARENT}\n"}),
    ("other characters", {"traceparent": PARENT.replace("0af7", "0ag7")}),
]


@pytest.mark.parametrize(("why", "headers"), INVALID, ids=[case[0] for case in INVALID])
def test_invalid_trace_is_replaced_and_its_state_dropped(why, headers):
    first, second = (TraceContext.from_headers({**headers, "tracestate": "vendor=1"}) for _ in range(2))
    for found in (first, second):
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", found.trace_parent)
        assert found.trace_state == ""
    assert first.trace_parent[3:35] not in (second.trace_parent[3:35], TRACE)


def test_each_invocation_has_its_own_id():
    one, other = (InvocationContext.of("orders", Path("/app"), {}) for _ in range(2))
    assert (one.function_name, one.function_directory, one.retry_context) == ("orders", "/app", None)
    assert one.invocation_id != other.invocation_id
    assert one.thread_local_storage is not other.thread_local_storage
