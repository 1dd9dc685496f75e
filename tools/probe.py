"""One GET request for the doctor: the response, or the reason why there is none. No tokens, no keys."""

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools import http

SECONDS = 30  # a cold start of two apps fits in
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer: status (0 where there was none), JSON body if it is an object, headers, and how long it took."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    milliseconds: float
    why: str = ""

    @property
    def code(self) -> str:
        """The problem's code, if there is one."""
        code = self.body.get("code", "")
        return code if isinstance(code, str) else ""

    @property
    def downstream(self) -> Mapping[str, Any]:
        """What msi-func says that aad-func answered."""
        inner = self.body.get("downstream", {})
        return inner if isinstance(inner, dict) else {}

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's; None where it does not tell."""
        try:
            return email.utils.parsedate_to_datetime(self.headers.get("Date", "")).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None


def get(url: str, headers: Mapping[str, str] | None = None) -> Seen:
    """Send one request, without retries."""
    start = time.perf_counter()
    try:
        response = http.send("GET", url, seconds=SECONDS, max_bytes=MAX_BYTES, headers=headers)
    except http.HttpError as error:
        return Seen(0, {}, {}, (time.perf_counter() - start) * 1000, error.reason)
    spent = (time.perf_counter() - start) * 1000
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = {}
    return Seen(response.status, body if isinstance(body, dict) else {}, response.headers, spent)
