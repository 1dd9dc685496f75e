"""Attack requests by category, with some valid ones so that rejecting everything fails.

A case is (description, expected, make): `expected` is the status and code, or 200 and the kind of caller; `make` takes
a Forge and returns a token or a request.
"""

from collections.abc import Callable

from tests.support.forge import Forge
from tests.support.wire import Call

Case = tuple[str, str, Callable[[Forge], Call | str]]
