"""The fake az's directory: registrations, service principals, app role assignments and consents."""

import json
import re
import uuid
from typing import Any
from urllib.parse import unquote

TENANT = "10ca1000-0000-4000-8000-000000000000"
Options = dict[str, str]
State = dict[str, Any]


def fake_id(kind: str, name: str) -> str:
    """Return a stable ID for a name. `kind` distinguishes the IDs of one object, such as "client" and "principal"."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{name}"))


class NotFoundError(Exception):
    """The object does not exist."""


def _application(client_id: str, state: State) -> tuple[str, dict[str, Any]]:
    for name, body in state["applications"].items():
        if client_id == _client_id(name, state) and not body.get("deleted"):
            return name, body
    raise NotFoundError


def _client_id(name: str, state: State) -> str:
    """Return the client ID, which the template sets if it created the registration."""
    return str(state["applications"][name].get("appId") or fake_id("client", name))


def graph(method: str, options: Options, state: State) -> Any:
    """Emulate `az rest`."""
    path = unquote(options["url"]).partition("/v1.0/")[2]
    key = (re.findall(r"(?:uniqueName|appId|name)='([^']*)'", path) or [""])[-1]
    applications = state["applications"]
    if method == "PATCH":
        body = json.loads(options["body"])
        if "federatedIdentityCredentials" in path:
            (client_id,) = re.findall(r"appId='([^']*)'", path)
            _application(client_id, state)[1].setdefault("federated", {})[key] = body
        elif path.startswith("servicePrincipals"):
            _application(key, state)[1]["principal"] = body
        else:
            applications[key] = {**applications.get(key, {}), **body}
    elif method == "POST":
        return _add(path, json.loads(options["body"]), state)
    elif method == "DELETE":
        (name,) = [name for name in applications if fake_id("object", name) == path.rpartition("/")[2]]
        del applications[name]
        state["purged"] = name
    elif path.startswith("directory/deletedItems"):
        wanted = re.findall(r"appId=='([^']*)'", options["query"])[0]
        found = [
            name for name, body in applications.items() if body.get("deleted") and _client_id(name, state) == wanted
        ]
        return fake_id("object", found[0]) if found else None
    elif path.startswith("applications?"):
        name = re.findall(r"uniqueName eq '([^']*)'", path)[0]
        return {"value[0].appRoles": applications.get(name, {}).get("appRoles")}
    elif path.startswith("oauth2PermissionGrants?"):
        return "grant" if state.get("grants") else None
    elif key in applications:
        return {"appId": _client_id(key, state)}
    return None


def _add(path: str, wanted: dict[str, str], state: State) -> None:
    existing = state.setdefault("grants" if path.startswith("oauth2") else "assignments", [])
    if wanted in existing:
        raise ValueError("Bad Request(Permission being assigned already exists on the object)")
    existing.append(wanted)


def directory(action: str, options: Options, state: State) -> Any:
    """Emulate `az ad`."""
    if action == "signed-in-user show":
        return fake_id("object", "you")
    name, body = _application(options["id"], state)
    if action == "app delete":
        body["deleted"] = True
        return None
    if action == "app show":
        return fake_id("object", name)
    query = options["query"]
    if query == "id":
        return body.get("principalId") or fake_id("principal", name)
    wanted = re.findall(r"value=='([^']*)'", query)[0]
    offered = body["appRoles"] if query.startswith("appRoles") else body["api"]["oauth2PermissionScopes"]
    return next((each["id"] for each in offered if each["value"] == wanted), None)
