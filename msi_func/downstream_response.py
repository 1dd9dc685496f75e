"""DownstreamResponse, and the error responses of called APIs as problems."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from common.problems import Problem
from common.remediations import REMEDIATIONS
from msi_func.http_client import Response, parse_retry_after

MAX_TEXT_CHARS = 1000  # of an API's error text that are passed on
MAX_RETRY_AFTER = 24 * 3600  # seconds


class DownstreamResponse(Response):
    """A 2xx response: `status`, case-insensitive `headers`, and the decompressed `body` as bytes."""

    __slots__ = ()

    def json(self) -> Any:
        """Return the body as JSON. Raises `downstream_invalid_response` if it is anything else."""
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise Problem("downstream_invalid_response", "The called API returned something other than JSON.")
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_reject)
        except (ValueError, RecursionError):
            raise Problem("downstream_invalid_response", "The called API returned invalid JSON.") from None


def check_response(response: Response, token: str) -> DownstreamResponse:
    """Return a 2xx response. Raises `downstream_error`, and `downstream_invalid_response` if it contains `token`.

    The status counts, not the content: Easy Auth's 401 and the 404 of a disabled function are not problem documents.
    """
    checked = DownstreamResponse(response.status, response.headers, response.body)
    if not 200 <= response.status < 300:
        raise _downstream_error(checked, token)
    if token and (token.encode() in response.body or any(token in value for value in response.headers.values())):
        raise Problem("downstream_invalid_response", "The called API's response contains the token that it was sent.")
    return checked


def _downstream_error(response: DownstreamResponse, token: str) -> Problem:
    try:
        document = response.json()
    except Problem:
        document = None
    members = document if isinstance(document, dict) else {}
    inner = {"status": response.status, **_filtered(members, _RULES, token)}
    if graph_error := _filtered(members.get("error"), _GRAPH_RULES, token):
        inner["error"] = graph_error
    code = inner.get("code", "")
    advice: dict[str, Any] = {"advice": REMEDIATIONS[code]} if code in REMEDIATIONS else {}
    retry_after = parse_retry_after(response.headers.get("Retry-After", ""))
    return Problem(
        "downstream_error",
        f"The called API returned status {response.status}" + (f" ({code})." if code else "."),
        retry_after=math.ceil(min(retry_after, MAX_RETRY_AFTER)) or None,
        downstream=inner,
        **advice,
    )


def _filtered(document: Any, rules: "dict[str, Rule]", token: str) -> dict[str, Any]:
    """Return the known members of an error document that have the expected form and do not quote the token."""
    if not isinstance(document, dict):
        return {}
    found = {name: document[name] for name, rule in rules.items() if name in document and rule(document[name])}
    return {name: value for name, value in found.items() if not token or token not in str(value)}


def _is_code(value: Any) -> bool:
    # Also part of a log line, so it must not contain a line break.
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARS


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and sum(map(len, value)) <= MAX_TEXT_CHARS


def _is_text_object(value: Any) -> bool:
    return isinstance(value, dict) and _is_text_list([*value, *filter(None, value.values())])


Rule = Callable[[Any], bool]

# https://learn.microsoft.com/graph/errors
_GRAPH_RULES: dict[str, Rule] = {"code": _is_code, "message": _is_text}
# The members of our own problems, then those of OAuth errors (RFC 6749 section 5.2).
_RULES: dict[str, Rule] = {
    "code": _is_code,
    "detail": _is_text,
    "caller": _is_text_object,
    "required_roles": _is_text_list,
    "roles": _is_text_list,
    "token_issued_at": _is_text,
    "new_role_visible_by": _is_text,
    "required_scope": _is_text,
    "settings": _is_text_list,
    "error": _is_code,
    "error_description": _is_text,
}


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
