"""Values of Bicep literals: objects, arrays, strings, booleans, numbers, and parameters with given values."""

import re
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<word>[\w.]+)|(?P<mark>[{}\[\]:,]))")


def value(text: str, parameters: dict[str, Any]) -> Any:
    """Return the value of an expression. Raises ValueError for functions and operators."""
    tokens, position = [], 0
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE).rstrip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"not a literal: {text[position : position + 40]!r}")
        tokens.append((token.lastgroup, token[token.lastgroup]))
        position = token.end()
    result = _value(tokens, parameters)
    if tokens:
        raise ValueError(f"not a literal: {tokens[0][1]}")
    return result


def _value(tokens: list[tuple[str, str]], parameters: dict[str, Any]) -> Any:
    kind, text = tokens.pop(0)
    if kind == "string":
        return re.sub(r"\$\{(\w+)\}", lambda name: parameters[name[1]], text[1:-1])
    if kind == "number":
        return int(text)
    if kind == "word":
        return {"true": True, "false": False, "null": None, **parameters}[text]
    if text == "{":
        members = {}
        while tokens[0][1] != "}":
            name, colon = tokens.pop(0)[1], tokens.pop(0)[1]
            if colon != ":":
                raise ValueError(f"no colon after {name}")
            members[name] = _value(tokens, parameters)
            _skip_comma(tokens)
        tokens.pop(0)
        return members
    if text != "[":
        raise ValueError(f"not a literal: {text}")
    items = []
    while tokens[0][1] != "]":
        items.append(_value(tokens, parameters))
        _skip_comma(tokens)
    tokens.pop(0)
    return items


def _skip_comma(tokens: list[tuple[str, str]]) -> None:
    if tokens[0][1] == ",":
        tokens.pop(0)
