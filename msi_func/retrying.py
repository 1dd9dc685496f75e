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

    Raises `downstream_unreachable`, `downstream_timeout` or `downstream_invalid_response`.
    """
    answer, problem = None, Problem("downstream_unreachable")
    for tries in range(1, MAX_TRIES + 1):
        asked = 0.0
        try:
            left = deadline - time.monotonic()
            answer = http.get(_session, url, headers=headers, seconds=left, max_bytes=MAX_BYTES)
            if answer.status not in TRY_AGAIN:
                break
            asked = _retry_after(answer.headers.get("Retry-After", ""))
        except http.TooLarge as error:
            raise Problem("downstream_invalid_response", f"The called API cannot be understood: {error}.") from None
        except http.TooSlow as error:
            problem = Problem("downstream_timeout", f"The called API did not answer in time: {error}.")
            break
        except http.Unreachable as error:
            problem = Problem("downstream_unreachable", f"The called API cannot be reached: {error}.")
        pause = asked + random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)))
        if tries == MAX_TRIES or time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
    # A refusal that came first says more than a failure of the tries after it.
    if answer is None:
        raise problem
    return answer


def _retry_after(value: str) -> float:
    """RFC 9110 section 10.2.3: seconds, or a date. What is neither asks for nothing."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
