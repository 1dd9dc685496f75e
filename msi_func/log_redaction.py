"""Keeps tokens and function keys out of the logs of the libraries that this app calls."""

import logging
import re

_LIBRARIES = ("aiohttp", "azure", "msal", "urllib3")

# Anything that looks like a token or a part of one, and `code`, the function key in a URL. GUIDs are shorter.
_SECRET = re.compile(r"eyJ[\w.-]*|[\w-]{40,}|(?<=[?&]code=)[^&\s\"']+")


class _RedactSecrets(logging.Filter):
    """azure-identity and msal log responses that they cannot parse, tokens included; urllib3 logs URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SECRET.sub("<redacted>", record.getMessage()), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_redact_secrets = _RedactSecrets()


def redact_logs() -> None:
    """Redact what the libraries log, from now on."""
    # A filter applies to the logger that creates a record but not to its children, so each logger needs it, and the one
    # that msal creates on its first token request as well.
    for name in [*logging.root.manager.loggerDict, "msal.oauth2cli.oauth2"]:
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).addFilter(_redact_secrets)
