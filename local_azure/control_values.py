"""The values of a command: from the query or from a JSON object, with errors that name them."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from local_azure import bodies

Values = Mapping[str, Any]


class BadRequest(Exception):
    """A command that cannot be carried out. The message says what is wrong, `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read(request: Request) -> Values:
    """All values of a request."""
    try:
        body = await bodies.read(request)
        values: Any = json.loads(body) if body else {}
    except (ValueError, RecursionError, bodies.TooLarge):
        raise BadRequest("The body is not a JSON object.") from None
    if not isinstance(values, dict):
        raise BadRequest("The body is not a JSON object.")
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body has half a character (a surrogate) in it.") from None
    return {**request.query_params, **values}


def only(values: Values, *known: str) -> None:
    """Raise for names that are not known: most often misspelt ones."""
    for name in values:
        if name not in known:
            raise BadRequest(f"{name}: is not known here; known are {', '.join(known) or 'none'}.")


def number(values: Values, name: str, least: float, most: float) -> float | None:
    """A number, None where there is none."""
    if name not in values:
        return None
    try:
        value = float(values[name])
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not least <= value <= most:
        raise BadRequest(f"{name}: is not a number from {least:g} to {most:g}.")
    return value


def whole(values: Values, name: str, least: int, most: int) -> int | None:
    """A whole number, None where there is none."""
    value = number(values, name, least, most)
    if value is not None and not value.is_integer():
        raise BadRequest(f"{name}: is not a whole number.")
    return None if value is None else int(value)


def flag(values: Values, name: str) -> bool:
    """True or false, false where there is none."""
    value = values.get(name, False)
    if str(value).lower() not in ("true", "false", "1", "0"):
        raise BadRequest(f"{name}: is not true or false.")
    return str(value).lower() in ("true", "1")
