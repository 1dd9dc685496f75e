"""Finds the one principal that is meant, also while the directory replicates a new one."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from common.settings import is_guid
from tools import console
from tools.claims import read_claims
from tools.console import ToolError
from tools.directory_objects import Principal
from tools.graph import Graph, GraphError

REPLICATION_TIME, RETRY_INTERVAL = 60, 5  # seconds

T = TypeVar("T")


def find_one(graph: Graph, text: str, *, users: bool) -> Principal:
    """Return the one principal that `text` names. A GUID can name something so new that it is not replicated yet.

    A name must be unambiguous among everything that can have it: anyone in the tenant can register an application with
    any display name. Raises ToolError.
    """
    if is_guid(text.lower()):
        found = retry_until_replicated(lambda: _found(graph, text, users=users))
    else:
        found = _found(graph, text, users=users)
    if len(found) > 1:
        rows = [(each.kind, each.name, each.client_id, each.object_id) for each in found]
        raise ToolError(f"{text} is ambiguous: use the object ID.", console.FAULT, console.table(rows))
    if not is_guid(text.lower()):
        _check_owner(graph, text, found[0])
    return found[0]


def _found(graph: Graph, text: str, *, users: bool) -> list[Principal]:
    found = graph.find_service_principals(text)
    if users and "://" not in text:
        found += _users_and_groups(graph, text, is_needed=not found)
    if not found:
        kinds = "service principal, user or group" if users else "service principal"
        raise GraphError(404, "Request_ResourceNotFound", f"The directory has no {kinds} called {text}.")
    return found


def _users_and_groups(graph: Graph, text: str, *, is_needed: bool) -> list[Principal]:
    try:
        return graph.find_users_and_groups(text)
    except GraphError as error:
        if error.status != 403 or (is_needed and is_guid(text.lower())):
            raise
        if is_guid(text.lower()):
            return []  # GUIDs are unique
        message = f"Users and groups cannot be read, so {text} may be ambiguous: use the object ID."
        raise ToolError(message, console.FAULT) from None


def _check_owner(graph: Graph, text: str, principal: Principal) -> None:
    tenant = str(read_claims(graph.token()).get("tid", "")).lower()
    if principal.owner_tenant and principal.owner_tenant.lower() != tenant:
        message = f"{text} is an application of another tenant: use the object ID if it is the right one."
        raise ToolError(message, console.FAULT, [f"  {principal.description}"])


def retry_until_replicated(work: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return the result of `work`, retried while Graph reports that a new object does not exist."""
    for waited in range(0, REPLICATION_TIME, RETRY_INTERVAL):
        try:
            return work()
        except GraphError as error:
            if error.graph_code != "Request_ResourceNotFound" and "reference update" not in str(error):
                raise
            console.write(f"Not found after {waited} s; a new object takes a while to replicate ...", file=sys.stderr)
        sleep(RETRY_INTERVAL)
    return work()
