"""What is in a token, for people: each claim with what it means. Looking is not checking."""

import base64
import binascii
import datetime
import json
import time
from typing import Any

from tools.console import ToolError

# https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
MEANINGS = {
    "aud": "the API that the token is for",
    "iss": "who issued it: tenant and token version",
    "iat": "when it was issued",
    "nbf": "not valid before",
    "exp": "expires",
    "azp": "client id of the calling application (version 2)",
    "appid": "client id of the calling application (version 1)",
    "azpacr": "how the caller proved itself: 0 not, 1 secret, 2 certificate",
    "appidacr": "how the caller proved itself: 0 not, 1 secret, 2 certificate",
    "azp_name": "name of the calling application",
    "app_displayname": "name of the calling application",
    "idp": "who vouched for the caller",
    "idtyp": "app: an application acting as itself",
    "name": "display name: for people, never for decisions",
    "oid": "object id of the caller: service principal or user",
    "preferred_username": "for people, never for decisions",
    "roles": "app roles assigned to the caller; absent where there are none",
    "scp": "scopes: an application acts for a user",
    "sub": "subject; equal to oid for an application",
    "tid": "the tenant",
    "upn": "for people, never for decisions",
    "ver": "token version, set by the API's registration",
    "xms_mirid": "resource id of the managed identity",
}
INTERNAL = "internal to Entra"
TIMES = ("iat", "nbf", "exp")


def read(token: str) -> dict[str, Any]:
    """The claims of a token, unchecked. Raises ToolError where it is none."""
    segments = token.split(".")
    try:
        payload = base64.urlsafe_b64decode(segments[1] + "=" * (-len(segments[1]) % 4))
        claims = json.loads(payload.decode("utf-8"))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        claims = None
    if len(segments) != 3 or not isinstance(claims, dict):
        raise ToolError("That is no JSON web token: three parts with dots between them are expected.", 2)
    return claims


def rows(claims: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and meaning of each claim; times in local time."""
    return [(name, _value(name, value), MEANINGS.get(name, INTERNAL)) for name, value in claims.items()]


def _value(name: str, value: Any) -> str:
    if name in TIMES and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**10:
        local = datetime.datetime.fromtimestamp(value).astimezone()
        return f"{local:%Y-%m-%d %H:%M:%S %Z} ({_distance(value - time.time(), name)})"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _distance(seconds: float, name: str) -> str:
    minutes = abs(int(seconds)) // 60
    length = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    if name == "exp":
        return f"expires in {length}" if seconds > 0 else f"expired {length} ago"
    return f"in {length}" if seconds > 0 else f"{length} ago"
