"""The W3C trace context of an invocation, forwarded so that both apps appear in one trace."""

import re

import azure.functions as func

# https://www.w3.org/TR/trace-context/
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
# A member matches in one way only: any ambiguity multiplies with each member, for minutes of backtracking.
_MEMBER = rf"[ \t]*(?:{_KEY}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e][ \t]*)?"
_TRACESTATE = re.compile(rf"{_MEMBER}(?:,{_MEMBER}){{0,31}}")
MAX_TRACESTATE_CHARS = 512


def trace_headers(context: func.Context) -> dict[str, str]:
    """Return `traceparent` and `tracestate` of this invocation. Invalid values are dropped."""
    parent, state = context.trace_context.trace_parent or "", context.trace_context.trace_state or ""
    if not _TRACEPARENT.fullmatch(parent):
        return {}
    if not state or len(state) > MAX_TRACESTATE_CHARS or not _TRACESTATE.fullmatch(state):
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": state}
