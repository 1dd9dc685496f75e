"""Keeps tokens and function keys out of the logs of the libraries that this app calls."""

import functools
import logging
import re
from typing import Any

_LIBRARIES = ("aiohttp", "azure", "msal", "urllib3")

# Anything that looks like a token or a part of one, and `code`, the function key in a URL. GUIDs are shorter.
_SECRET = re.compile(r"eyJ[\w.-]*|[\w-]{40,}|(?<=[?&]code=)[^&\s\"']+")


@functools.cache
def redact_logs() -> None:
    """Redact the libraries' log records from now on.

    azure-identity and msal log responses that they cannot parse, tokens included; urllib3 logs URLs. A filter would
    apply to neither the children of its logger nor the loggers that the libraries create later.
    """
    create = logging.getLogRecordFactory()

    def create_redacted(name: str | None, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = create(name, *args, **kwargs)
        if name and name.partition(".")[0] in _LIBRARIES:
            try:
                message = record.getMessage()
            except Exception as error:  # A malformed log line must not fail its library.
                message = f"{type(error).__name__} in a log line"
            record.msg, record.args = _SECRET.sub("<redacted>", message), ()
            record.exc_info = record.exc_text = record.stack_info = None
        return record

    logging.setLogRecordFactory(create_redacted)
