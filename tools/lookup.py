"""Finding the one principal that is meant, also while the directory is still learning of it."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from common.settings import is_guid
from tools import console
from tools.console import ToolError
from tools.graph import Graph, GraphError, Principal

REPLICATED_WITHIN, LOOK_EVERY = 60, 5  # seconds: something new is not everywhere at once

T = TypeVar("T")


def only(graph: Graph, text: str, *, users: bool) -> Principal:
    """The one principal that is meant. A GUID may be of something so new that it is not everywhere yet."""
    found = (
        replicated(lambda: _found(graph, text, users=users))
        if is_guid(text.lower())
        else _found(graph, text, users=users)
    )
    if len(found) > 1:
        rows = console.table([(one.kind, one.name, one.client_id, one.object_id) for one in found])
        raise ToolError(f"{text} may mean any of these; give the object id:\n{rows}", console.FAILED)
    return found[0]


def _found(graph: Graph, text: str, *, users: bool) -> list[Principal]:
    found = graph.find(text, users=users)
    if not found:
        what = "service principal, user or group" if users else "service principal"
        raise GraphError(404, "Request_ResourceNotFound", f"The directory has no {what} called {text}.")
    return found


def replicated(work: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Do `work`, again while Graph says that something just made is not there."""
    for waited in range(0, REPLICATED_WITHIN, LOOK_EVERY):
        try:
            return work()
        except GraphError as error:
            if error.graph_code != "Request_ResourceNotFound" and "reference update" not in str(error):
                raise
            print(
                f"Not there yet after {waited} s; something new takes a while to be known everywhere ...",
                file=sys.stderr,
            )
        sleep(LOOK_EVERY)
    return work()
