"""List, assign and revoke the app roles of an API: the portal cannot do it for managed identities."""

import argparse
import json
import os
import shlex
import sys
from typing import Any

from common.settings import HTTPS_OR_LOOPBACK_ERROR, is_https_or_loopback
from tools import console, http
from tools.console import ToolError
from tools.graph import Graph, GraphError, Principal
from tools.lookup import only, replicated

CLOUDS = ("https://graph.microsoft.us", "https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn")
GRAPH = "https://graph.microsoft.com"


EXAMPLES = """examples:
  python -m tools.roles list --api aad-func
  python -m tools.roles assign --api aad-func --identity msi-func
  python -m tools.roles assign --api api://<client id> --identity msi-func/slots/staging --role DoAll
  python -m tools.roles assign --api aad-func --identity developers          (a group: its users get the role)
  python -m tools.roles revoke --api aad-func --identity msi-func --dry-run  (prints the request instead)

APP and WHO are a display name, a client id, an object id or (APP) an App ID URI. Sign in with az login first; needed
are Application.Read.All to list, and AppRoleAssignment.ReadWrite.All to change.

"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("roles", __doc__, EXAMPLES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text in (
        ("list", _list, "who may call the API"),
        ("assign", _assign, "give a role"),
        ("revoke", _revoke, "take a role back"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--api", required=True, metavar="APP", help="whose roles")
        command.add_argument(
            "--graph", default=os.environ.get("MICROSOFT_GRAPH_URL", GRAPH), metavar="URL", help="another cloud's Graph"
        )
        command.set_defaults(action=action)
        if action is not _list:
            command.add_argument("--identity", required=True, metavar="WHO", help="an identity, app, user or group")
            command.add_argument("--role", default="DoAll", help="default: %(default)s")
            command.add_argument("--dry-run", action="store_true", help="print the request instead of sending it")
    options = parser.parse_args(arguments)
    return console.run(lambda: options.action(options, _graph(options.graph)))


def _graph(url: str) -> Graph:
    if not is_https_or_loopback(url):
        raise ToolError(f"--graph {HTTPS_OR_LOOPBACK_ERROR}.", console.USAGE)
    # A Graph of another cloud is a resource of its own; any other address stands in for the public one.
    resource = url.rstrip("/") if url.rstrip("/") in CLOUDS else GRAPH
    return Graph(url, lambda: http.token_for(None, f"{resource}/.default"))


def _list(options: argparse.Namespace, graph: Graph) -> int:
    api = only(graph, options.api, users=False)
    names = {role["id"]: role.get("value") or "(no value)" for role in api.roles}
    rows = [
        (
            str(given.get("principalDisplayName")),
            str(given.get("principalType")),
            str(given["principalId"]),
            names.get(given["appRoleId"], "(access, no role)"),
        )
        for given in graph.assignments(api)
    ]
    print(f"Who may call {api.name} ({api.client_id}):\n")
    print(console.table([("NAME", "KIND", "OBJECT ID", "ROLE"), *sorted(rows)]) if rows else "  nobody")
    return console.OK


def _assign(options: argparse.Namespace, graph: Graph) -> int:
    api, who, role = _three(options, graph)
    body = {"principalId": who.object_id, "resourceId": api.object_id, "appRoleId": role["id"]}
    path = f"{graph.root}/servicePrincipals/{api.object_id}/appRoleAssignedTo"
    if options.dry_run:
        return _dry_run("POST", path, body)
    if _existing(graph, api, body):
        print(f"{who.name} has {options.role} of {api.name} already.")
        return console.OK
    replicated(lambda: _give(graph, api, body))
    print(f"{who.name} now has {options.role} of {api.name}.")
    if who.kind == "service principal":
        print("A managed identity that has asked for a token before gets one with the role within 24 hours.")
    return console.OK


def _revoke(options: argparse.Namespace, graph: Graph) -> int:
    api, who, role = _three(options, graph)
    wanted = {"principalId": who.object_id, "resourceId": api.object_id, "appRoleId": role["id"]}
    existing = _existing(graph, api, wanted)
    if existing is None:
        print(f"{who.name} does not have {options.role} of {api.name}.")
        return console.OK
    if options.dry_run:
        return _dry_run("DELETE", f"{graph.root}/servicePrincipals/{api.object_id}/appRoleAssignedTo/{existing}", None)
    graph.revoke(api, existing)
    print(f"{who.name} no longer has {options.role} of {api.name}; tokens made before carry it until they expire.")
    return console.OK


def _three(options: argparse.Namespace, graph: Graph) -> tuple[Principal, Principal, dict[str, Any]]:
    """The API, who it is about, and the role. Raises ToolError saying which of them there is not."""
    api = only(graph, options.api, users=False)
    role = next((role for role in api.roles if role.get("value") == options.role), None)
    if role is None:
        known = ", ".join(str(role.get("value")) for role in api.roles) or "none"
        raise ToolError(f"{api.name} has no app role {options.role}; it has {known}.", console.FAILED)
    who = only(graph, options.identity, users=True)
    if who.member_type not in role.get("allowedMemberTypes", ()):
        raise ToolError(
            f"The role {options.role} is not for a {who.kind}: add {who.member_type} to its allowed member types.",
            console.FAILED,
        )
    return api, who, role


def _existing(graph: Graph, api: Principal, wanted: dict[str, str]) -> str | None:
    for given in graph.assignments(api):
        if given["principalId"] == wanted["principalId"] and given["appRoleId"] == wanted["appRoleId"]:
            return str(given["id"])
    return None


def _give(graph: Graph, api: Principal, body: dict[str, str]) -> None:
    try:
        graph.assign(api, body)
    except GraphError as error:
        if "already exists" not in str(error):
            raise


def _dry_run(method: str, url: str, body: dict[str, str] | None) -> int:
    print(f"{method} {url}")
    line = ["az", "rest", "--method", method, "--url", url]
    if body is not None:
        print(json.dumps(body, indent=2))
        line += ["--headers", "Content-Type=application/json", "--body", json.dumps(body)]
    print(f"\n{shlex.join(line)}")
    return console.OK


if __name__ == "__main__":
    sys.exit(main())
