"""Formats in which commands print settings."""

import json
import re
import shlex
from collections.abc import Callable, Mapping

Settings = Mapping[str, str]


def _sh(settings: Settings) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items())


def _powershell(settings: Settings) -> str:
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    return "\n".join(f"$env:{name} = '{value}'" for name, value in quoted.items())


def _json(settings: Settings) -> str:
    # The format of local.settings.json: https://learn.microsoft.com/azure/azure-functions/functions-develop-local
    return json.dumps({"IsEncrypted": False, "Values": dict(settings)}, indent=2)


def _dotenv(settings: Settings) -> str:
    return "\n".join(f"{name}={_dotenv_quoted(value)}" for name, value in settings.items())


def _dotenv_quoted(value: str) -> str:
    # Values are unquoted if possible, because docker --env-file does not remove quotes.
    if re.fullmatch(r"[\w./:@%+,=-]*", value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


# Commands that fail, for shells that evaluate the output.
FAILURES = {"sh": "false", "powershell": "throw 'The settings of the local tenant are not available.'"}

FORMATS: dict[str, Callable[[Settings], str]] = {"sh": _sh, "powershell": _powershell, "json": _json, "dotenv": _dotenv}
