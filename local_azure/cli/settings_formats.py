"""Formats for printed settings."""

import json
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


FORMATS: dict[str, Callable[[Settings], str]] = {"sh": _sh, "powershell": _powershell, "json": _json}
