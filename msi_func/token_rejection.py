"""TokenRejection, a response after which a second attempt with a newer token may succeed."""

import base64
import binascii
import json
import math
import re
from dataclasses import dataclass, field
from http import HTTPStatus

from common.problems import Problem
from msi_func.http_client import DownstreamResponse

# https://learn.microsoft.com/entra/identity-platform/claims-challenge#claims-challenge-header-format
_INSUFFICIENT_CLAIMS = re.compile(r'\berror="insufficient_claims"')
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_-]+=*)"')


@dataclass(frozen=True, slots=True)
class TokenRejection:
    """The API rejected `token` and did not process the request.

    `claims` are the claims that a new token must contain, from a claims challenge. `token` is replaced only if it was
    requested before `older_than`, a time of time.monotonic.
    """

    token: str = field(repr=False)
    claims: str | None = None
    older_than: float = math.inf

    @classmethod
    def from_response(cls, response: DownstreamResponse, token: str, started: float) -> "TokenRejection | None":
        """Return a rejection if the response is 403 `missing_role` or 401 with a claims challenge, otherwise None.

        A token that lacks the role is replaced only if it was requested before `started`.
        """
        if response.status == HTTPStatus.FORBIDDEN and _code(response) == "missing_role":
            return cls(token, older_than=started)
        if response.status == HTTPStatus.UNAUTHORIZED:
            challenges = [value for name, value in response.headers.items() if name.lower() == "www-authenticate"]
            challenge = next(filter(_INSUFFICIENT_CLAIMS.search, challenges), "")
            if (encoded := _CLAIMS.search(challenge)) and (claims := _decode(encoded[1])):
                return cls(token, claims)
        return None


def _code(response: DownstreamResponse) -> object:
    try:
        document = response.json()
    except Problem:
        return None
    return document.get("code") if isinstance(document, dict) else None


def _decode(encoded: str) -> str | None:
    """Return the JSON object in a claims challenge, or None if it is malformed."""
    try:
        claims = base64.b64decode(encoded.replace("-", "+").replace("_", "/").rstrip("=") + "==").decode("utf-8")
        return claims if isinstance(json.loads(claims), dict) else None
    except (binascii.Error, ValueError, RecursionError):
        return None
