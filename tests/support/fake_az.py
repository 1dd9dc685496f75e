"""Stands in for `az`, which needs a tenant: answers what the scripts ask, from a state kept in a file.

Its calls are in the state too. FAIL in the environment names a call to be refused: `COMMAND` always, `COMMAND*N` the
first N times. Where REAL_AZ names a real az, each call's options are put to that as well: it exits with 2 on those that
it does not know, before it finds that nobody is signed in.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_AZ_STATE"])
VALUES = {
    "account show": {"tenantId": "10ca1000-0000-4000-8000-000000000000", "id": "subscription"},
    "cloud show": {"endpoints.microsoftGraphResourceId": "https://graph.microsoft.com/"},
    "storage account show": {"id": "/storage"},
    "functionapp identity assign": {"principalId": "identity"},
    "functionapp show": {"defaultHostName": "app.example.net"},
}


def main(arguments: list[str]) -> int:
    state: dict[str, Any] = json.loads(STATE.read_text()) if STATE.exists() else {"calls": []}
    words = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    command, options = " ".join(arguments[:words]), _options(arguments[words:])
    name = f"{command} {options['method']}" if command == "rest" else command
    state["calls"].append(name)
    code = _real(arguments) or _refusal(name, state["calls"].count(name)) or _answer(name, options, state)
    STATE.write_text(json.dumps(state))
    return code


def _options(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        if word.startswith("--"):
            last = word.removeprefix("--")
            found[last] = ""
        else:
            found[last] = f"{found[last]} {word}".strip()
    return found


def _real(arguments: list[str]) -> int:
    real = os.environ.get("REAL_AZ")
    if not real:
        return 0
    done = subprocess.run([real, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        sys.stderr.write(done.stderr)
    return 2 if done.returncode == 2 else 0


def _refusal(name: str, count: int) -> int:
    refused, _, times = os.environ.get("FAIL", "").partition("*")
    return int(name == refused and (not times or count <= int(times)))


def _answer(name: str, options: dict[str, str], state: dict[str, Any]) -> int:
    url, query = options.get("url", ""), options.get("query", "")
    if name == "functionapp create":
        state["app"] = options
    elif name == "functionapp scale config set":
        state["scale"] = options
    elif name == "functionapp show" and "app" not in state:
        return 3
    elif name == "rest PATCH":
        key = re.search(r"v1\.0/(\w+)\(", url)[1]  # type: ignore[index]
        state[key] = json.loads(options["body"])
    elif name == "rest POST":
        wanted, assignments = json.loads(options["body"]), state.setdefault("assignments", [])
        if wanted in assignments:
            sys.stderr.write("Bad Request(Permission being assigned already exists on the object)\n")
            return 1
        assignments.append(wanted)
    elif name == "rest DELETE":
        state.pop("deleted", None)
        state["purged"] = url.rpartition("/")[2]
    elif name == "ad app delete":
        state["deleted"] = state.pop("applications")
    elif name == "ad app show" and "applications" not in state:
        return 3
    value = VALUES.get(name, {}).get(query, "")
    if name == "ad app show" or (name == "rest GET" and "deletedItems" in url and "deleted" in state):
        value = "app-object"
    elif name == "rest GET" and query == "appId":
        value = "client"
    elif name == "ad sp show":
        value = "service-principal" if query == "id" else "role" if "'DoAll'" in query else ""
    if value:
        sys.stdout.write(f"{value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
