"""Requests by category: those that must not get in, and a few that must, so that refusing everything does not pass.

A case is (why, expected, make): what is wrong with the request in one line; status and code, or 200 and the kind of
caller; and a function from a Forge to a token, or to a whole request.
"""

from collections.abc import Callable

from tests.support.forge import Forge
from tests.support.wire import Call

Case = tuple[str, str, Callable[[Forge], Call | str]]
