"""Shell commands that send HTTP requests. The commands never contain tokens."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHELL = "powershell" if os.name == "nt" else "sh"


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """An HTTP request. `token_command` prints the bearer token; it is empty if the request has no token."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    token_command: str = ""
    body: Mapping[str, Any] | None = None

    def command(self, shell: str = SHELL) -> str:
        """Return the command for `sh` or `powershell`."""
        return self._powershell() if shell == "powershell" else self._sh()

    def _sh(self) -> str:
        options = "" if self.method == "GET" else f" -X {self.method}"
        options += "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items())
        if self.body is not None:
            options += f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(self.body))}"
        token = f"printf 'Authorization: Bearer %s' \"$({self.token_command})\" | " if self.token_command else ""
        return f"{token}curl -si{options}{' -H @-' if token else ''} {shlex.quote(self.url)}"

    def _powershell(self) -> str:
        headers = {name: _single_quoted(value) for name, value in self.headers.items()}
        if self.token_command:
            headers["Authorization"] = f'"Bearer $({self.token_command})"'
        options = "" if self.method == "GET" else f" -Method {self.method}"
        if headers:
            options += " -Headers @{" + "; ".join(f"'{name}' = {value}" for name, value in headers.items()) + "}"
        if self.body is not None:
            options += f" -ContentType 'application/json' -Body {_single_quoted(json.dumps(self.body))}"
        return f"Invoke-RestMethod {_single_quoted(self.url)} -SkipHttpErrorCheck{options}"


def this_command(shell: str = SHELL) -> str:
    """Return the command that runs local_azure with this interpreter, with a short path if possible."""
    relative = os.path.relpath(sys.executable)
    path = sys.executable if relative.startswith("..") else relative
    return f"{f'& {_single_quoted(path)}' if shell == 'powershell' else shlex.quote(path)} -m local_azure"


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
