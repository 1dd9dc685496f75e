"""Read the claims of a token without verification, and describe the claims for people."""

import base64
import binascii
import datetime
import json
import re
import time
from typing import Any

from common.remediations import CLAIM_DESCRIPTIONS, TIME_CLAIMS, UNDESCRIBED_CLAIM
from tools.console import USAGE, ToolError


def extract_token(text: str) -> str:
    """Return the token in pasted text, which may start with `Bearer` or `Authorization: Bearer`."""
    return re.sub(r"(?i)^(authorization:\s*)?bearer\s+", "", text.strip())


def read_claims(token: str) -> dict[str, Any]:
    """Return the unverified claims of a token. Raises ToolError if `token` is not a JWT."""
    segments = token.split(".")
    try:
        payload = base64.urlsafe_b64decode(segments[1] + "=" * (-len(segments[1]) % 4))
        claims = json.loads(payload.decode("utf-8"))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        claims = None
    if len(segments) != 3 or not isinstance(claims, dict):
        raise ToolError("This is not a JSON Web Token, which has three parts separated by dots.", USAGE)
    return claims


def rows(claims: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the name, value and description of each claim. Times are in local time."""
    return [
        (name, _value(name, value), CLAIM_DESCRIPTIONS.get(name, UNDESCRIBED_CLAIM)) for name, value in claims.items()
    ]


def _value(name: str, value: Any) -> str:
    if name in TIME_CLAIMS and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**10:
        local = datetime.datetime.fromtimestamp(value).astimezone()
        return f"{local:%Y-%m-%d %H:%M:%S %Z} ({_relative(value - time.time(), name)})"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _relative(seconds: float, name: str) -> str:
    minutes = abs(int(seconds)) // 60
    length = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    if name == "exp":
        return f"expires in {length}" if seconds > 0 else f"expired {length} ago"
    return f"in {length}" if seconds > 0 else f"{length} ago"
