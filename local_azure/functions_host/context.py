"""The invocation context that the worker passes to a function."""

import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The W3C trace context of an invocation: the caller's trace ID and a new span ID."""

    trace_parent: str
    trace_state: str
    attributes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "TraceContext":
        """Continue the trace in the request headers, or start a new trace."""
        known = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        trace_id, flags = known.groups() if known else (secrets.token_hex(16), "00")
        state = headers.get("tracestate", "") if known else ""
        return cls(f"00-{trace_id}-{secrets.token_hex(8)}-{flags}", state)


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """An implementation of `func.Context`."""

    function_name: str
    function_directory: str
    invocation_id: str
    trace_context: TraceContext
    thread_local_storage: threading.local
    retry_context: None = None

    @classmethod
    def of(cls, function_name: str, folder: Path, headers: Mapping[str, str]) -> "InvocationContext":
        """Return the context for one invocation. `headers` are the request headers."""
        return cls(function_name, str(folder), str(uuid.uuid4()), TraceContext.from_headers(headers), threading.local())
