"""A GET that is tried again where that may help, within a deadline. Imported on first use: it opens the session."""

import os
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from common import http
from common.problems import Problem

MAX_BYTES = 1024 * 1024
MAX_TRIES = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0  # seconds; doubled from try to try and jittered in full
TRY_AGAIN = frozenset({429, 502, 503, 504})

# One for the process, with a connection for each thread that the Functions worker runs sync functions on:
# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#python_threadpool_thread_count
_configured = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
_session = http.session(int(_configured) if _configured.isdecimal() else min(32, (os.cpu_count() or 1) + 4))


def get(url: str, headers: Mapping[str, str], deadline: float) -> http.Answer:
    """The answer to a GET, the last one where none was satisfying. `deadline` is in seconds of `time.monotonic`.

    Raises `downstream_unreachable`, `downstream_timeout` or `downstream_invalid`.
    """
    for tries in range(1, MAX_TRIES + 1):
        answer = None
        try:
            left = deadline - time.monotonic()
            answer = http.get(_session, url, headers=headers, seconds=left, max_bytes=MAX_BYTES)
        except http.TooSlow:
            raise Problem("downstream_timeout") from None
        except http.TooLarge:
            raise Problem("downstream_invalid", f"The called API's answer is larger than {MAX_BYTES} bytes.") from None
        except http.Unreachable:
            pass
        if answer is not None and answer.status not in TRY_AGAIN:
            break
        pause = _pause(tries, answer)
        if tries == MAX_TRIES or time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
    if answer is None:
        raise Problem("downstream_unreachable")
    return answer


def _pause(tries: int, answer: http.Answer | None) -> float:
    """Seconds until the next try: full jitter, and what the API asks for on top."""
    asked = _retry_after(answer.headers.get("Retry-After", "")) if answer else 0.0
    return asked + random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)))


def _retry_after(value: str) -> float:
    """RFC 9110 section 10.2.3: seconds, or a date. What is neither asks for nothing."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
