"""Find a principal by name or ID. Waits until the directory has replicated a new principal."""

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
    """Return the only principal with this name or ID. Raises ToolError.

    An object with a given GUID may be new, so the search is repeated until the object is replicated. A name must be
    unique among all principals, because users of the tenant can register applications with any display name.
    """
    if is_guid(text.lower()):
        found = retry_until_replicated(lambda: _found(graph, text, users=users))
    else:
        found = _found(graph, text, users=users)
    if len(found) > 1:
        rows = [(each.kind, each.name, each.client_id, each.object_id) for each in found]
        raise ToolError(f"{text} is ambiguous. Use the object ID.", console.FAULT, console.table(rows))
    if not is_guid(text.lower()):
        _check_owner(graph, text, found[0])
    return found[0]


def _found(graph: Graph, text: str, *, users: bool) -> list[Principal]:
    found = graph.find_service_principals(text)
    if users and "://" not in text:
        found += _users_and_groups(graph, text, is_needed=not found)
    if not found:
        kinds = "service principal, user or group" if users else "service principal"
        raise GraphError(404, "Request_ResourceNotFound", f"The directory has no {kinds} named {text}.")
    return found


def _users_and_groups(graph: Graph, text: str, *, is_needed: bool) -> list[Principal]:
    try:
        return graph.find_users_and_groups(text)
    except GraphError as error:
        if error.status != 403 or (is_needed and is_guid(text.lower())):
            raise
        if is_guid(text.lower()):
            return []  # a GUID cannot be ambiguous
        message = f"Users and groups cannot be read, so {text} may be ambiguous. Use the object ID."
        raise ToolError(message, console.FAULT) from None


def _check_owner(graph: Graph, text: str, principal: Principal) -> None:
    tenant = str(read_claims(graph.token()).get("tid", "")).lower()
    if principal.owner_tenant and principal.owner_tenant.lower() != tenant:
        message = f"{text} is an application of another tenant. Use the object ID if this is the right application."
        raise ToolError(message, console.FAULT, [f"  {principal.description}"])


def retry_until_replicated(work: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return the result of `work`. Retries while Graph reports that an object does not exist."""
    for waited in range(0, REPLICATION_TIME, RETRY_INTERVAL):
        try:
            return work()
        except GraphError as error:
            if error.graph_code != "Request_ResourceNotFound" and "reference update" not in str(error):
                raise
            console.write(
                f"Not found after {waited} s. Replication of a new object can take a minute ...", file=sys.stderr
            )
        sleep(RETRY_INTERVAL)
    return work()
