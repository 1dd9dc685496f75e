"""OData's $filter, limited to `name eq 'x'`, `names/any(n:n eq 'x')`, and `or` between such clauses.

https://learn.microsoft.com/graph/filter-query-parameter
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TEXT = r"'(?P<value>(?:[^']|'')*)'"
_EQUALS = re.compile(rf"(?P<name>\w+)\s+eq\s+{_TEXT}")
_ANY = re.compile(rf"(?P<name>\w+)/any\((?P<each>\w+):(?P=each)\s+eq\s+{_TEXT}\)")
_OR = re.compile(r"\s+or\s+(?=(?:[^']*'[^']*')*[^']*$)")

Matches = Callable[[Mapping[str, Any]], bool]


def parse(text: str, names: frozenset[str]) -> Matches:
    """Return the predicate for a filter on the properties `names`. Raises ValueError if the filter is not supported."""
    clauses = [_clause(part.strip(), names) for part in _OR.split(text)]
    return lambda entry: any(clause(entry) for clause in clauses)


def _clause(text: str, names: frozenset[str]) -> Matches:
    for pattern, is_list in ((_EQUALS, False), (_ANY, True)):
        found = pattern.fullmatch(text)
        if found and found["name"] in names:
            return _matcher(found["name"], found["value"].replace("''", "'").lower(), is_list=is_list)
    raise ValueError("this filter is not supported")


def _matcher(name: str, wanted: str, *, is_list: bool) -> Matches:
    def matches(entry: Mapping[str, Any]) -> bool:
        value = entry.get(name)
        values = value if isinstance(value, list) else [value]
        return is_list == isinstance(value, list) and wanted in [str(item).lower() for item in values]

    return matches
