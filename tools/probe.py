"""A GET request of the doctor, and the response or the reason why there is no response."""

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools import http

MAX_BYTES = 1024 * 1024
MAX_TEXT_CHARS = 20_000  # limit for the search for the platform's messages
MAX_STRING_CHARS = 1000


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The response to a probe. `status` is 0 if there is none, and `body` is empty if the content is not a JSON object.

    `sent_at` and `received_at` are times of this machine's clock, in seconds since 1970. Responses are not trusted:
    members of the wrong type are treated as missing.
    """

    url: str
    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    text: str
    sent_at: float
    received_at: float
    reason: str = ""

    @property
    def code(self) -> str:
        """The code of the problem in the response, or ""."""
        return string(self.body, "code")

    @property
    def detail(self) -> str:
        """The detail of the problem in the response, or ""."""
        return string(self.body, "detail")

    @property
    def downstream(self) -> Mapping[str, Any]:
        """The error that msi-func received from aad-func."""
        return mapping(self.body, "downstream")

    @property
    def downstream_status(self) -> int:
        """The status of aad-func's response, or 0."""
        status = self.downstream.get("status")
        return status if type(status) is int else 0

    @property
    def downstream_code(self) -> str:
        """The code of aad-func's error, or ""."""
        return string(self.downstream, "code")

    @property
    def is_accepted(self) -> bool:
        """Whether aad-func accepted the caller."""
        return self.status == 200 and isinstance(self.body.get("caller"), dict)

    @property
    def milliseconds(self) -> int:
        """The duration of the request in milliseconds."""
        return round((self.received_at - self.sent_at) * 1000)

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's clock, or None without a Date header.

        The skew is 0 if the server's time is between the times at which the request was sent and the response arrived.
        """
        try:
            date = email.utils.parsedate_to_datetime(self.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
        earliest = int(self.sent_at) - 1  # Date is in whole seconds, and servers cache it for a second
        return date - min(max(date, earliest), self.received_at)

    @property
    def summary(self) -> str:
        """The status, the code and the duration, for people."""
        if not self.status:
            return f"no response: {self.reason}"
        code = f" {self.code}" if self.code else ""
        inner = f" ({self.downstream_status} {self.downstream_code}".rstrip() + ")" if self.downstream_status else ""
        return f"{self.status}{code}{inner} in {self.milliseconds} ms"


def string(document: Mapping[str, Any], name: str) -> str:
    """Return a string member, truncated, or "" if the member is missing or not a string."""
    value = document.get(name)
    return value[:MAX_STRING_CHARS] if isinstance(value, str) else ""


def strings(document: Mapping[str, Any], name: str) -> list[str]:
    """Return the strings in a list member, each truncated, or [] if the member is missing or not a list."""
    value = document.get(name)
    return [item[:MAX_STRING_CHARS] for item in value if isinstance(item, str)] if isinstance(value, list) else []


def mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object member, or {} if the member is missing or not an object."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


async def probe(url: str, seconds: float, headers: Mapping[str, str] | None = None) -> ProbeResult:
    """Send one GET request without retries, and do not follow redirects."""
    sent_at = time.time()
    try:
        response = await http.send("GET", url, seconds=seconds, max_bytes=MAX_BYTES, headers=headers)
    except http.HttpError as error:
        return ProbeResult(url, 0, {}, {}, "", sent_at, time.time(), error.reason)
    received_at = time.time()
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = {}
    text = response.body[:MAX_TEXT_CHARS].decode("utf-8", "replace")
    body = body if isinstance(body, dict) else {}
    return ProbeResult(url, response.status, body, response.headers, text, sent_at, received_at)
