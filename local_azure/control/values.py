"""The values of a control command, from the query or a JSON object, with errors that name them."""

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
    """An invalid command. `status` is the HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read_values(request: Request) -> Values:
    """Return all values of a request. Raises BadRequest."""
    try:
        body = await read_body(request)
        values: Any = json.loads(body) if body else {}
    except (ValueError, RecursionError, BodyTooLarge):
        raise BadRequest("The body is not a JSON object.") from None
    if not isinstance(values, dict):
        raise BadRequest("The body is not a JSON object.")
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body contains an unpaired surrogate.") from None
    return {**request.query_params, **values}


def reject_unknown(values: Values, *known: str) -> None:
    """Raise BadRequest for an unknown name: usually a misspelled one."""
    for name in values:
        if name not in known:
            raise BadRequest(f"{name}: is unknown; known are {', '.join(known) or 'none'}.")


def number(values: Values, name: str, least: float, most: float) -> float | None:
    """Return a number, or None if it is missing. Raises BadRequest."""
    if name not in values:
        return None
    try:
        value = float(values[name])
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not least <= value <= most:
        raise BadRequest(f"{name}: is not a number from {least:g} to {most:g}.")
    return value


def integer(values: Values, name: str, least: int, most: int) -> int | None:
    """Return an integer, or None if it is missing. Raises BadRequest."""
    value = number(values, name, least, most)
    if value is not None and not value.is_integer():
        raise BadRequest(f"{name}: is not a whole number.")
    return None if value is None else int(value)


def boolean(values: Values, name: str) -> bool:
    """Return true or false; false if it is missing. Raises BadRequest."""
    value = values.get(name, False)
    if str(value).lower() not in ("true", "false", "1", "0"):
        raise BadRequest(f"{name}: is not true or false.")
    return str(value).lower() in ("true", "1")


def duration(values: Values, name: str) -> int:
    """Return a duration, written like 90s, 30m, 24h or 1d, in seconds. Raises BadRequest."""
    match = _DURATION.fullmatch(str(values.get(name, "")))
    if match is None:
        raise BadRequest(f"{name}: is not a duration such as 90s, 30m, 24h or 1d.")
    return int(match["number"]) * _SECONDS[match["unit"]]
