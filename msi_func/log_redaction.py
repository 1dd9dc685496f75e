"""Redaction of tokens and function keys in the log records of libraries."""

import functools
import logging
import re
from typing import Any

_LIBRARIES = ("aiohttp", "azure", "msal", "urllib3")

# Strings that could be (part of) a token, and function keys (`code` in a URL). A GUID has fewer than 40 characters.
_SECRET = re.compile(r"eyJ[\w.-]*|[\w-]{40,}|(?<=[?&]code=)[^&\s\"']+")


@functools.cache
def redact_logs() -> None:
    """Redact the libraries' log records from now on.

    azure-identity and msal log responses that they cannot parse, including tokens. urllib3 logs URLs. This function
    replaces the log record factory, because a logger's filter does not apply to its child loggers.
    """
    create = logging.getLogRecordFactory()

    def create_redacted(name: str | None, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = create(name, *args, **kwargs)
        if name and name.partition(".")[0] in _LIBRARIES:
            try:
                message = record.getMessage()
            except Exception as error:  # A malformed log call must not raise in the library.
                message = f"{type(error).__name__} in a log line"
            record.msg, record.args = _SECRET.sub("<redacted>", message), ()
            record.exc_info = record.exc_text = record.stack_info = None
        return record

    logging.setLogRecordFactory(create_redacted)
