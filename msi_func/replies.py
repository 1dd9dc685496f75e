"""What the called API answered: handed on unchanged where it is 2xx JSON, else a problem with the refusal inside."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from common.problems import Problem

if TYPE_CHECKING:
    from common.http import Answer

# What a person can do about a refusal, by the code that the API gave.
ADVICE = {
    "missing_role": (
        "Assign the app role to this app's managed identity. The platform keeps a managed identity's token for up to "
        "24 hours, so a role assigned just now may take that long to be seen; restarting does not help."
    ),
    "wrong_audience": "Let ..._SCOPE name the API's own App ID URI, and the API's AAD_FUNC_AUDIENCES list it.",
    "caller_not_allowed": "Add the client id of this app's identity to the API's AAD_FUNC_ALLOWED_CALLERS.",
}
ADVICE_AS_USER = ADVICE | {
    "missing_role": "Assign the app role to the user, or to a group of theirs; it is in the next token that they get.",
    "missing_scope": "Consent to the API's scope for this app's registration, and let the API require that scope.",
    "caller_not_allowed": "Add the client id of this app's registration to the API's AAD_FUNC_ALLOWED_CALLERS.",
}

_MAX_CHARS = 1000
_PIECE = 16  # characters of a token: so many in a row are no accident


def relay(answer: "Answer", token: str, *, as_user: bool = False) -> bytes:
    """The body of a 2xx JSON answer. Raises `downstream_error` or `downstream_invalid_response`.

    The status counts before the content: Easy Auth's 401 and a disabled function's 404 are no problem documents.
    `token` is what was sent; an answer that repeats it, or what of a refusal does, goes no further. `as_user` decides
    what is advised.
    """
    content = _json(answer)
    if not 200 <= answer.status < 300:
        raise _refused(answer.status, content, token, ADVICE_AS_USER if as_user else ADVICE)
    if any(part in answer.body for part in _parts(token.encode())):
        raise Problem("downstream_invalid_response", "The called API's answer repeats the token that it was sent.")
    if content is None:
        raise Problem("downstream_invalid_response")
    return answer.body


def _parts(token: bytes) -> list[bytes]:
    """Of which one is in whatever begins like the token, ends like it, or has its payload.

    The header alone is no part of it: all tokens that are signed with one key have the same.
    """
    header, _, rest = token.partition(b".")
    begins = token[: len(header) + 1 + 2 * _PIECE]
    return [part for part in (begins, rest.partition(b".")[0], token[-_PIECE:]) if len(part) >= _PIECE]


def _pieces(token: str) -> list[str]:
    """Of which one is in any two of that length in a row."""
    return [token[end - _PIECE : end] for end in (*range(_PIECE, len(token), _PIECE), len(token)) if end >= _PIECE]


def _refused(status: int, content: Any, token: str, advices: Mapping[str, str]) -> Problem:
    inner: dict[str, Any] = {"status": status}
    if isinstance(content, dict):
        pieces = _pieces(token)  # an error text may be cut, and with it a token that it quotes
        for name, fits in _PASSED_ON.items():
            value = content.get(name)
            if fits(value) and not any(piece in str(value) for piece in pieces):
                inner[name] = value
    code = inner.get("code", "")
    detail = f"The called API refused with status {status}" + (f" ({code})." if code else ".")
    advice = advices.get(code)
    members: dict[str, Any] = {"downstream": inner, **({"advice": advice} if advice else {})}
    return Problem("downstream_error", detail, **members)


def _is_code(value: Any) -> bool:
    # Also part of a log line, so nothing that could end one.
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_CHARS


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and sum(map(len, value)) <= _MAX_CHARS


# What of a refusal goes further, where it has the form that it should have.
_PASSED_ON = {
    "code": _is_code,
    "detail": _is_text,
    "required_role": _is_text,
    "required_scope": _is_text,
    "settings": _are_texts,
}


def _json(answer: "Answer") -> Any:
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return None
    try:
        return json.loads(answer.body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
