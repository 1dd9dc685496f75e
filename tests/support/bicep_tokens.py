"""Tokenizer for the subset of Bicep that infra/ uses. A string contains the tokens of its interpolations."""

import re
from typing import Any

Token = tuple[str, Any]

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<newline>\n)"
    r"|(?P<number>\d+)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<operator>=>|==|!=|<=|>=|&&|\|\||\?\?|\.\?|[-+*/%!<>?:=.,@(){}\[\]])"
    r"|(?P<quote>')",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


class BicepSyntaxError(Exception):
    """The text is not in the supported subset of Bicep."""


def _string(text: str, start: int) -> tuple[list[Any], int]:
    """Return the literal and interpolated parts of a string, and the position after it."""
    parts: list[Any] = [""]
    position = start
    while text[position] != "'":
        if text[position] == "\n":
            raise BicepSyntaxError("a string is not closed")
        if text[position] == "\\":
            parts[-1] += _ESCAPES[text[position + 1]]
            position += 2
        elif text.startswith("${", position):
            nested, position = tokens(text, position + 2, "}")
            parts += [nested, ""]
        else:
            parts[-1] += text[position]
            position += 1
    return parts, position + 1


def tokens(text: str, position: int = 0, closing: str = "") -> tuple[list[Token], int]:
    found: list[Token] = []
    depth = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise BicepSyntaxError(f"unexpected {text[position : position + 20]!r}")
        position = match.end()
        kind, value = str(match.lastgroup), match[0]
        if kind == "quote":
            parts, position = _string(text, position)
            found.append(("string", parts))
            continue
        if closing and depth == 0 and value == closing:
            return [*found, ("end", "")], position
        depth += (value in "({[") - (value in ")}]") if kind == "operator" else 0
        if kind != "space":
            found.append((kind, value))
    if closing or depth:
        raise BicepSyntaxError("a bracket is not closed")
    return [*found, ("end", "")], position
