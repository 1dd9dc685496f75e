"""A fake `az` that runs the commands of scripts/ and docs/. Its state, including the commands, is a JSON file.

The environment variable FAIL names a command to reject: `COMMAND` always, `COMMAND*N` the first N times, `COMMAND=TEXT`
with this error. If REAL_AZ is the path of a real az, that az parses each command as well: it exits with 2 for unknown
options, before it checks for a sign-in.

Commands run in one server, because scripts run hundreds of them and a new Python process for each would take longer.
"""

import contextlib
import hashlib
import json
import os
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.fake_directory import TENANT, NotFoundError, Options, State, directory, fake_id, graph

Result = tuple[int, str]  # the exit code and the output, which is an error message unless the code is 0

# Bash sends the variables and arguments, each with a NUL at the end, and receives the exit code and the output.
_CLIENT = """#!/usr/bin/env bash
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$#" "$FAKE_AZ_STATE" "$FAIL" "$@" >&3
read -r code <&3
[ "$code" = 0 ] || exec >&2
cat <&3
exit "$code"
"""


@contextlib.contextmanager
def serving(az: Path) -> Iterator[None]:
    """Write the executable `az`, which works until the block exits."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Handler) as server:
        az.write_text(_CLIENT.format(port=server.server_address[1]))
        az.chmod(0o755)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        count = int(self._word())
        state, fail = Path(self._word()), self._word()
        code, output = run([self._word() for _ in range(count)], state, fail)
        self.wfile.write(f"{code}\n{output}".encode())

    def _word(self) -> str:
        return b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode()


def run(arguments: list[str], path: Path, fail: str = "") -> Result:
    """Run one command with the state in the file `path`."""
    state = json.loads(path.read_text()) if path.exists() else {"calls": [], "applications": {}, "sites": {}}
    words = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    command, options = " ".join(arguments[:words]), _options(arguments[words:])
    name = f"{command} {options['method']}" if command == "rest" else command
    state["calls"].append(name)
    result = (
        _parsed_by_real_az(arguments) or _rejected(name, state["calls"].count(name), fail) or _run(name, options, state)
    )
    path.write_text(json.dumps(state))
    return result


def _options(words: list[str]) -> Options:
    found: Options = {}
    for word in words:
        if word.startswith("--"):
            last = word.removeprefix("--")
            found[last] = ""
        else:
            found[last] = f"{found[last]} {word}".strip()
    return found


def _parsed_by_real_az(arguments: list[str]) -> Result | None:
    real = os.environ.get("REAL_AZ")
    if not real:
        return None
    # Results are cached, because each takes more than a second and tests repeat commands.
    key = hashlib.sha256(json.dumps([real, os.stat(real).st_mtime, *arguments]).encode()).hexdigest()
    parsed = Path(tempfile.gettempdir()) / "parsed-by-az" / key
    if parsed.exists():
        return None
    done = subprocess.run([real, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        return 2, done.stderr
    parsed.parent.mkdir(exist_ok=True)
    parsed.touch()
    return None


def _rejected(name: str, count: int, fail: str) -> Result | None:
    rejected, _, error = fail.partition("=")
    rejected, _, times = rejected.partition("*")
    return (1, f"{error}\n") if name == rejected and (not times or count <= int(times)) else None


def _run(name: str, options: Options, state: State) -> Result:
    group, _, action = name.partition(" ")
    handler = {"rest": graph, "ad": directory, "functionapp": _functionapp}.get(group, _resources)
    try:
        value = handler(action if group != "storage" else name, options, state)
    except NotFoundError:
        return 3, ""
    except ValueError as error:
        return 1, f"{error}\n"
    if isinstance(value, dict):
        value = value.get(options.get("query", ""))
    if value is None or options.get("output") == "none":
        return 0, ""
    return 0, f"{json.dumps(value) if options.get('output') == 'json' else value}\n"


def _functionapp(action: str, options: Options, state: State) -> Any:
    name, sites = options.get("name", ""), state["sites"]
    if action == "function keys list":
        return "function-key"
    if action == "create":
        sites[name] = {**options, "settings": {"AzureWebJobsStorage": "a connection string"}}
    if name not in sites:
        raise NotFoundError
    site = sites[name]
    if action == "scale config set":
        site["scale"] = options
    elif action == "config appsettings set":
        site["settings"].update(pair.split("=", 1) for pair in options["settings"].split())
    elif action == "config appsettings delete":
        for setting in options["setting-names"].split():
            site["settings"].pop(setting, None)
    elif action == "identity assign":
        site.setdefault("identities", []).append(options.get("identities", "[system]"))
    return {"principalId": fake_id("identity", name), "defaultHostName": f"{name}.azurewebsites.net"}


def _resources(action: str, options: Options, state: State) -> Any:
    command = state["calls"][-1]
    if command == "role assignment create":
        state.setdefault("granted", []).append([options["assignee-object-id"], options["role"], options["scope"]])
    elif command == "role assignment list":
        return state.get("role_created", "2020-01-01T00:00:00.000000+00:00")
    elif command == "resource update":
        state.setdefault("updated", []).append([options["parent"], options["name"], options["set"]])
    elif command == "resource create":
        state.setdefault("created", []).append([options["name"], json.loads(options["properties"])])
    elif command == "identity create":
        state.setdefault("user_identities", []).append(options["name"])
    identity = options.get("name", "")
    return {
        "tenantId": TENANT,
        "id": {"account show": "subscription"}.get(command, f"/{identity or options.get('workspace-name', '')}"),
        "principalId": fake_id("principal", identity),
        "clientId": fake_id("client", identity),
        "name": "AzureCloud",
        "[].id": "/storage",
        "endpoints.microsoftGraphResourceId": "https://graph.microsoft.com/",
        "endpoints.activeDirectory": "https://login.microsoftonline.com",
    }
