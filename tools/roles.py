"""List, assign and revoke app roles of an API. The portal cannot assign app roles to managed identities."""

import argparse
import json
import os
import shlex
import sys
from urllib.parse import urlsplit

from common.settings import HTTPS_OR_LOOPBACK_ERROR, Settings, is_https_or_loopback, is_loopback
from msi_func.credentials import AppIdentity
from tools import console, http
from tools.console import ToolError
from tools.directory_objects import AppRole, Principal
from tools.graph import Graph, GraphError
from tools.lookup import find_one, retry_until_replicated

GRAPH = "https://graph.microsoft.com"
CLOUDS = (
    GRAPH,
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
SETTING = "AAD_FUNC_ROLE_ASSIGNMENTS"

EXAMPLES = """examples:
  python -m tools.roles list --api aad-func
  python -m tools.roles assign --api aad-func --identity msi-func
  python -m tools.roles assign --api api://<client ID> --identity <object ID> --role DoAll
  python -m tools.roles assign --api aad-func --identity developers          (a group, so that its users get the role)
  python -m tools.roles revoke --api aad-func --identity msi-func --dry-run  (prints the request without sending it)

APP and WHO can be a display name, a client ID, an object ID or an App ID URI. WHO can also be a user principal name.
A name must be unique among service principals and, for WHO, also among users and groups. Sign in with az login first.
The commands require the permission Application.Read.All. Changes also require AppRoleAssignment.ReadWrite.All and,
unless WHO is a service principal's ID or URI, Directory.Read.All. `list` includes AAD_FUNC_ROLE_ASSIGNMENTS, if set.

"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = console.parser("roles", __doc__, EXAMPLES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text in (
        ("list", _list, "list the principals that have app roles of an API"),
        ("assign", _assign, "assign a role"),
        ("revoke", _revoke, "revoke a role"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--api", required=True, metavar="APP", help="API that defines the app roles")
        command.add_argument(
            "--graph",
            default=os.environ.get("MICROSOFT_GRAPH_URL", GRAPH),
            metavar="URL",
            help="URL of Microsoft Graph",
        )
        command.set_defaults(action=action)
        if action is not _list:
            command.add_argument(
                "--identity", required=True, metavar="WHO", help="managed identity, application, user or group"
            )
            command.add_argument("--role", default="DoAll", help="app role (default: %(default)s)")
            command.add_argument("--dry-run", action="store_true", help="print the request instead of sending it")
    options = parser.parse_args(arguments)
    return console.run(lambda: options.action(options, _graph(options.graph)))


def _graph(url: str) -> Graph:
    url = url.rstrip("/")
    if not is_https_or_loopback(url):
        raise ToolError(f"--graph {HTTPS_OR_LOOPBACK_ERROR}.", console.USAGE)
    if url not in CLOUDS and not is_loopback(urlsplit(url).hostname or ""):
        message = f"--graph is not Microsoft Graph. Only these servers may receive the token: {', '.join(CLOUDS)}"
        raise ToolError(message, console.USAGE)
    resource = url if url in CLOUDS else GRAPH  # a server on this machine emulates the public Graph
    tokens: list[str] = []

    def token() -> str:
        if not tokens:
            tokens.append(http.run(http.token_for(AppIdentity(), f"{resource}/.default")))
        return tokens[0]

    return Graph(url, token)


def _list(options: argparse.Namespace, graph: Graph) -> int:
    api = find_one(graph, options.api, users=False)
    values = {role.id: role.value or "(no value)" for role in api.roles}
    rows = [
        (
            assignment.principal_name,
            assignment.principal_type,
            assignment.principal_id,
            "Entra",
            values.get(assignment.role_id, "(default access role)"),
        )
        for assignment in graph.assignments(api)
    ]
    rows += [
        ("", "ServicePrincipal", object_id, SETTING, role)
        for role, object_ids in _from_setting(api).items()
        for object_id in object_ids
    ]
    console.write(f"Who may call {api.name} ({api.client_id}):")
    console.write("")
    if rows:
        console.write_table([("NAME", "KIND", "OBJECT ID", "SOURCE", "ROLE"), *sorted(rows)])
    else:
        console.write("  nobody")
    return console.OK


def _assign(options: argparse.Namespace, graph: Graph) -> int:
    api, who, role = _resolve(options, graph)
    body = {"principalId": who.object_id, "resourceId": api.object_id, "appRoleId": role.id}
    if options.dry_run:
        return _dry_run("POST", f"{graph.root}/servicePrincipals/{api.object_id}/appRoleAssignedTo", body)
    if _existing(graph, api, body):
        console.write(f"{who.name} already has the app role {options.role} of {api.name}.")
        return console.OK
    retry_until_replicated(lambda: _assign_once(graph, api, body))
    console.write(f"{who.name} now has the app role {options.role} of {api.name}.")
    if who.kind == "managed identity":
        console.write("A cached token of the identity can delay the effect of the role by up to 24 hours.")
    return console.OK


def _revoke(options: argparse.Namespace, graph: Graph) -> int:
    api, who, role = _resolve(options, graph)
    body = {"principalId": who.object_id, "resourceId": api.object_id, "appRoleId": role.id}
    existing = _existing(graph, api, body)
    if existing is None:
        console.write(f"{who.name} does not have the app role {options.role} of {api.name} in Entra.")
    elif options.dry_run:
        return _dry_run("DELETE", f"{graph.root}/servicePrincipals/{api.object_id}/appRoleAssignedTo/{existing}", None)
    else:
        graph.revoke(api, existing)
        console.write(f"{who.name} no longer has the app role {options.role} of {api.name}.")
        console.write("Tokens that were issued earlier contain the role until they expire.")
    if who.object_id in _from_setting(api).get(options.role, ()):
        console.write(f"{SETTING} still grants this role. Remove {who.object_id} from the setting, too.")
    return console.OK


def _resolve(options: argparse.Namespace, graph: Graph) -> tuple[Principal, Principal, AppRole]:
    """Return the API, the principal and the role. Prints the API and the principal. Raises ToolError."""
    api = find_one(graph, options.api, users=False)
    role = next((role for role in api.roles if role.value == options.role), None)
    if role is None:
        known = ", ".join(role.value for role in api.roles) or "none"
        raise ToolError(f"{api.name} has no app role {options.role}. Existing app roles: {known}.", console.FAULT)
    who = find_one(graph, options.identity, users=True)
    if who.member_type not in role.member_types:
        message = (
            f"{options.role} cannot be assigned to {who.name} ({who.kind}). Allow {who.member_type} as a member type."
        )
        raise ToolError(message, console.FAULT)
    for principal in (api, who):
        console.write(principal.description, file=sys.stderr)
    return api, who, role


def _from_setting(api: Principal) -> dict[str, frozenset[str]]:
    """Return object IDs by role from AAD_FUNC_ROLE_ASSIGNMENTS, unless the setting belongs to another API."""
    if os.environ.get("AAD_FUNC_CLIENT_ID", api.client_id).lower() != api.client_id.lower():
        return {}
    with Settings() as settings:
        return settings.role_assignments(SETTING)


def _existing(graph: Graph, api: Principal, body: dict[str, str]) -> str | None:
    for assignment in graph.assignments(api):
        if (assignment.principal_id, assignment.role_id) == (body["principalId"], body["appRoleId"]):
            return assignment.id
    return None


def _assign_once(graph: Graph, api: Principal, body: dict[str, str]) -> None:
    try:
        graph.assign(api, body)
    except GraphError as error:
        if "already exists" not in str(error):
            raise


def _dry_run(method: str, url: str, body: dict[str, str] | None) -> int:
    console.write(f"{method} {url}")
    line = ["az", "rest", "--method", method, "--url", url]
    if body is not None:
        console.write_json(body)
        line += ["--headers", "Content-Type=application/json", "--body", json.dumps(body)]
    console.write("")
    console.write(shlex.join(line))
    return console.OK


if __name__ == "__main__":
    sys.exit(main())
