"""The values of a control command. Errors name the invalid value."""

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from local_azure.serving.request_body import BodyTooLarge, read_body

Values = Mapping[str, Any]

_DURATION = re.compile(r"(?P<number>[1-9][0-9]{0,3})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class BadRequest(Exception):
    """An invalid control command. `status` is the HTTP status of the response."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read_values(request: Request) -> Values:
    """Return the query parameters and the members of the JSON body, which take precedence. Raises BadRequest."""
    try:
        body = await read_body(request)
        values: Any = json.loads(body) if body else {}
    except (ValueError, RecursionError, BodyTooLarge):
        raise BadRequest("The body must be a JSON object.") from None
    if not isinstance(values, dict):
        raise BadRequest("The body must be a JSON object.")
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body contains an unpaired surrogate.") from None
    return {**request.query_params, **values}


def reject_unknown(values: Values, *known: str) -> None:
    """Raise BadRequest for an unknown name, which is probably misspelled."""
    for name in values:
        if name not in known:
            raise BadRequest(f"{name} is not supported. Supported parameters: {', '.join(known) or 'none'}.")


def number(values: Values, name: str, least: float, most: float) -> float | None:
    """Return the value `name` as a number, or None if the value is missing. Raises BadRequest."""
    if name not in values:
        return None
    try:
        value = float(values[name])
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not least <= value <= most:
        raise BadRequest(f"{name} must be a number from {least:g} to {most:g}.")
    return value


def integer(values: Values, name: str, least: int, most: int) -> int | None:
    """Return the value `name` as an integer, or None if the value is missing. Raises BadRequest."""
    value = number(values, name, least, most)
    if value is not None and not value.is_integer():
        raise BadRequest(f"{name} must be a whole number.")
    return None if value is None else int(value)


def boolean(values: Values, name: str) -> bool:
    """Return the value `name` as a Boolean, or False if the value is missing. Raises BadRequest."""
    value = values.get(name, False)
    if str(value).lower() not in ("true", "false", "1", "0"):
        raise BadRequest(f"{name} must be true or false.")
    return str(value).lower() in ("true", "1")


def duration(values: Values, name: str) -> int:
    """Return the duration `name` in seconds. The value is written like 90s, 30m, 24h or 1d. Raises BadRequest."""
    match = _DURATION.fullmatch(str(values.get(name, "")))
    if match is None:
        raise BadRequest(f"{name} must be a duration such as 90s, 30m, 24h or 1d.")
    return int(match["number"]) * _SECONDS[match["unit"]]
