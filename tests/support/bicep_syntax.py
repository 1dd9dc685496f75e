"""Parser for the subset of Bicep that infra/ uses. A file parses to statements, an expression to nested tuples.

https://learn.microsoft.com/azure/azure-resource-manager/bicep/file
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.bicep_tokens import BicepSyntaxError, Token, tokens

Expression = tuple[Any, ...]

_BINARY = [("??",), ("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%")]


@dataclass(frozen=True)
class Statement:
    """A declaration. Only resources and modules have `condition`, `existing` and `nested` resources."""

    kind: str
    name: str
    type: str = ""
    value: Expression | None = None
    condition: Expression | None = None
    existing: bool = False
    decorators: dict[str, list[Expression]] = field(default_factory=dict)
    nested: tuple["Statement", ...] = ()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self, *values: str) -> bool:
        kind, value = self.tokens[self.at]
        return kind in ("operator", "name") and value in values

    def take(self, *values: str) -> bool:
        found = self.peek(*values)
        self.at += found
        return found

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise BicepSyntaxError(f"expected {value!r} before {self.tokens[self.at : self.at + 4]}")

    def name(self) -> str:
        kind, value = self.tokens[self.at]
        if kind != "name":
            raise BicepSyntaxError(f"expected a name before {self.tokens[self.at : self.at + 4]}")
        self.at += 1
        return str(value)

    def lines(self) -> None:
        while self.tokens[self.at][0] == "newline" or self.peek(","):
            self.at += 1

    def continues(self, *operators: str) -> bool:
        """Consume one of `operators`, also after line breaks, and return whether there was one."""
        start = self.at
        while self.tokens[self.at][0] == "newline":
            self.at += 1
        if self.take(*operators):
            while self.tokens[self.at][0] == "newline":
                self.at += 1
            return True
        self.at = start
        return False

    def expression(self) -> Expression:
        condition = self.binary(0)
        if not self.continues("?"):
            return condition
        chosen = self.expression()
        if not self.continues(":"):
            raise BicepSyntaxError("expected ':' in a conditional expression")
        return ("if", condition, chosen, self.expression())

    def binary(self, level: int) -> Expression:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while self.continues(*_BINARY[level]):
            operator = self.tokens[self.at - 1][1]
            left = ("binary", operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Expression:
        if self.take("!"):
            return ("not", self.unary())
        return self.postfix(self.primary())

    def postfix(self, value: Expression) -> Expression:
        while True:
            if self.take(".", ".?"):
                value = ("member", value, ("text", self.name()))
            elif self.take("["):
                value = ("member", value, self.expression())
                self.expect("]")
            elif self.peek("!"):
                self.at += 1
            else:
                return value

    def primary(self) -> Expression:
        kind, value = self.tokens[self.at]
        if kind == "number":
            self.at += 1
            return ("literal", int(value))
        if kind == "string":
            self.at += 1
            return _text(value)
        if self.take("("):
            value = self.expression()
            self.expect(")")
            return value
        if self.take("["):
            return ("array", self.items("]"))
        if self.take("{"):
            return ("object", *self.members())
        name = self.name()
        if name in ("true", "false", "null"):
            return ("literal", {"true": True, "false": False, "null": None}[name])
        if self.take("=>"):
            return ("lambda", name, self.expression())
        return ("call", name, self.items(")")) if self.take("(") else ("name", name)

    def items(self, closing: str) -> list[Expression]:
        found = []
        self.lines()
        while not self.take(closing):
            found.append(self.expression())
            self.lines()
        return found

    def members(self) -> tuple[list[tuple[Expression, Expression]], list[Statement]]:
        members, nested = [], []
        self.lines()
        while not self.take("}"):
            if self.peek("resource") and self.tokens[self.at + 1][0] == "name":
                nested.append(self.statement())
            else:
                kind, value = self.tokens[self.at]
                self.at += 1
                key = _text(value) if kind == "string" else ("text", value)
                self.expect(":")
                members.append((key, self.expression()))
            self.lines()
        return members, nested

    def statement(self) -> Statement:
        decorators = {}
        while self.take("@"):
            name = self.name()
            self.expect("(")
            decorators[name] = self.items(")")
            self.lines()
        kind = self.name()
        if kind in ("targetScope", "extension"):
            value = self.expression() if self.take("=") else ("text", self.name())
            return Statement(kind, "", value=value)
        name = self.name()
        declared, existing, condition, nested = "", False, None, []
        if kind in ("resource", "module"):
            declared = "".join(self.tokens[self.at][1])
            self.at += 1
            existing = self.take("existing")
        elif kind in ("param", "output"):
            declared = self.name()
            if self.take("["):
                self.expect("]")
        if not self.take("="):
            return Statement(kind, name, declared, decorators=decorators)
        if self.take("if"):
            condition = self.primary()
        value = self.expression()
        if value[0] == "object":
            nested = value[2]
        return Statement(kind, name, declared, value, condition, existing, decorators, tuple(nested))


def _text(parts: list[Any]) -> Expression:
    if len(parts) == 1:
        return ("text", parts[0])
    return ("join", [("text", part) if isinstance(part, str) else _Parser(part).expression() for part in parts])


@cache
def statements(path: Path) -> tuple[Statement, ...]:
    """Return the statements of a file. Raises BicepSyntaxError."""
    parser = _Parser(tokens(path.read_text())[0])
    found = []
    parser.lines()
    while parser.tokens[parser.at][0] != "end":
        found.append(parser.statement())
        if parser.tokens[parser.at][0] not in ("newline", "end"):
            raise BicepSyntaxError(f"{path.name}: unexpected {parser.tokens[parser.at : parser.at + 4]}")
        parser.lines()
    return tuple(found)
