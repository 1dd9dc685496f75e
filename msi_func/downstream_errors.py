"""Conversion of a called API's error responses to problems that name the settings of this API."""

import math
import re
from typing import Any

from common.problems import Problem
from common.remediations import remediation
from msi_func.http_client import DownstreamResponse, parse_retry_after

MAX_TEXT_CHARS = 1000  # Longer members of an API's error are dropped.
MAX_RETRY_AFTER = 24 * 3600  # seconds

# The members of aad-func's problems, followed by those of OAuth errors (RFC 6749 section 5.2).
_MEMBERS = (
    *("code", "detail", "authenticated_by", "required_scope", "token_issued_at", "new_role_visible_by"),
    *("error", "error_description"),
)
_LISTS = ("settings", "roles", "required_roles")
# The members that are kept from nested objects: from `caller` in aad-func's 403 responses, and from `error` in
# Microsoft Graph's responses: https://learn.microsoft.com/graph/errors
_OBJECTS = {"caller": ("kind", "client_id", "object_id"), "error": ("code", "message")}


def check_response(response: DownstreamResponse, *tokens: str) -> None:
    """Raise `downstream_error` if the status is not 2xx, or `downstream_invalid_response` if the API echoes a token.

    Only the status decides what is an error: Easy Auth's 401 and a disabled function's 404 are not problem documents.
    """
    if not 200 <= response.status < 300:
        raise _downstream_error(response, tokens)
    for token in filter(None, tokens):
        if token.encode() not in response.body and not any(token in value for value in response.headers.values()):
            continue
        raise Problem(
            "downstream_invalid_response", "The called API's response contains the access token from the request."
        )


def _downstream_error(response: DownstreamResponse, tokens: tuple[str, ...]) -> Problem:
    try:
        document = response.json()
    except Problem:
        document = None
    inner = {"status": response.status, **_filtered(document, _MEMBERS + _LISTS, tokens)}
    for name, names in _OBJECTS.items():
        if isinstance(document, dict) and (part := _filtered(document.get(name), names, tokens)):
            inner[name] = part
    code = inner.get("code", "")
    text = remediation(code, inner)
    advice: dict[str, Any] = {"advice": text} if text else {}
    retry_after = parse_retry_after(response.headers.get("Retry-After", ""))
    return Problem(
        "downstream_error",
        f"The called API returned status {response.status}" + (f" ({code})." if code else "."),
        retry_after=math.ceil(min(retry_after, MAX_RETRY_AFTER)) or None,
        downstream=inner,
        **advice,
    )


def _filtered(document: Any, names: tuple[str, ...], tokens: tuple[str, ...]) -> dict[str, Any]:
    """Return the members `names` of an error document, except malformed ones and ones that contain a token."""
    members = document if isinstance(document, dict) else {}
    found = {name: members[name] for name in names if _is_valid(name, members.get(name))}
    return {name: value for name, value in found.items() if not any(token and token in str(value) for token in tokens)}


def _is_valid(name: str, value: Any) -> bool:
    if name in ("code", "error"):
        # A code must not contain a line break, because it becomes part of a log line.
        return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) is not None
    texts = value if name in _LISTS else [value]
    are_texts = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    return are_texts and len(str(texts)) <= MAX_TEXT_CHARS


def name_settings(problem: Problem, prefix: str) -> None:
    """Replace AAD_FUNC with `prefix` in the names of settings in the problem's texts."""
    problem.detail = with_prefix(problem.detail, prefix)
    if "advice" in problem.members:
        problem.members["advice"] = with_prefix(problem.members["advice"], prefix)


def with_prefix(text: str, prefix: str) -> str:
    """Return `text`, with `prefix` instead of AAD_FUNC in the names of a DownstreamApi's settings."""
    return re.sub(r"AAD_FUNC(?=_(URL|SCOPE|IDENTITY_CLIENT_ID|TIMEOUT_SECONDS|MAX_RESPONSE_BYTES)\b)", prefix, text)
