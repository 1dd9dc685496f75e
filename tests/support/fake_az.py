"""A fake `az` that runs the commands of scripts/ and docs/. Its state, including the commands, is a JSON file.

The environment variable FAIL names a command to reject: `COMMAND` always, `COMMAND*N` the first N times, `COMMAND=TEXT`
with this error. If REAL_AZ is the path of a real az, that az parses each command as well: it exits with 2 for unknown
options, before it checks for a sign-in.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.fake_directory import TENANT, NotFoundError, Options, State, directory, fake_id, graph


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    path = Path(os.environ["FAKE_AZ_STATE"])
    state = json.loads(path.read_text()) if path.exists() else {"calls": [], "applications": {}, "sites": {}}
    words = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    command, options = " ".join(arguments[:words]), _options(arguments[words:])
    name = f"{command} {options['method']}" if command == "rest" else command
    state["calls"].append(name)
    code = _parsed_by_real_az(arguments) or _rejected(name, state["calls"].count(name)) or _run(name, options, state)
    path.write_text(json.dumps(state))
    return code


def _options(words: list[str]) -> Options:
    found: Options = {}
    for word in words:
        if word.startswith("--"):
            last = word.removeprefix("--")
            found[last] = ""
        else:
            found[last] = f"{found[last]} {word}".strip()
    return found


def _parsed_by_real_az(arguments: list[str]) -> int:
    real = os.environ.get("REAL_AZ")
    if not real:
        return 0
    # Results are cached, because each takes more than a second and tests repeat commands.
    key = hashlib.sha256(json.dumps([real, os.stat(real).st_mtime, *arguments]).encode()).hexdigest()
    parsed = Path(tempfile.gettempdir()) / "parsed-by-az" / key
    if parsed.exists():
        return 0
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([real, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        sys.stderr.write(done.stderr)
        return 2
    parsed.parent.mkdir(exist_ok=True)
    parsed.touch()
    return 0


def _rejected(name: str, count: int) -> int:
    rejected, _, error = os.environ.get("FAIL", "").partition("=")
    rejected, _, times = rejected.partition("*")
    failed = name == rejected and (not times or count <= int(times))
    sys.stderr.write(f"{error}\n" if failed else "")
    return int(failed)


def _run(name: str, options: Options, state: State) -> int:
    group, _, action = name.partition(" ")
    handler = {"rest": graph, "ad": directory, "functionapp": _functionapp}.get(group, _resources)
    try:
        value = handler(action if group != "storage" else name, options, state)
    except NotFoundError:
        return 3
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if isinstance(value, dict):
        value = value.get(options.get("query", ""))
    if value is not None and options.get("output") != "none":
        sys.stdout.write(f"{json.dumps(value) if options.get('output') == 'json' else value}\n")
    return 0


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
