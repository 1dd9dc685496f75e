"""An invocation's W3C trace context, which is forwarded so that both apps appear in one trace."""

import re

import azure.functions as func

# https://www.w3.org/TR/trace-context/
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[\t\x20-\x7e]{1,512}")  # opaque to this app


def trace_headers(context: func.Context) -> dict[str, str]:
    """Return the headers `traceparent` and `tracestate` of this invocation, without invalid values."""
    parent, state = context.trace_context.trace_parent or "", context.trace_context.trace_state or ""
    if not _TRACEPARENT.fullmatch(parent):
        return {}
    return {"traceparent": parent, **({"tracestate": state} if _TRACESTATE.fullmatch(state) else {})}
