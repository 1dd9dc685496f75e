"""Declarations, references and module parameters of a Bicep file. Types are not checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.bicep_functions import FUNCTIONS
from tests.support.bicep_syntax import Expression, Statement, statements
from tests.support.bicep_tokens import BicepSyntaxError


@dataclass(frozen=True)
class Bicep:
    """A Bicep file. Properties raise BicepSyntaxError if it is not well formed."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def declarations(self) -> list[Statement]:
        """All declarations, including nested resources."""
        return [each for top in statements(self.path) for each in _with_nested(top) if each.name]

    def named(self, kind: str) -> dict[str, Statement]:
        """Return the declarations of a kind, such as "param", by name."""
        found = [each for each in self.declarations if each.kind == kind]
        named = {each.name: each for each in found}
        if len(named) != len(found):
            raise BicepSyntaxError(f"{self.path.name}: a {kind} is declared twice")
        return named

    @property
    def required(self) -> set[str]:
        """The parameters without a default."""
        return {name for name, each in self.named("param").items() if each.value is None}

    def default(self, parameter: str) -> Any:
        """Return the default of a parameter. It must be a literal."""
        return (self.named("param")[parameter].value or ("literal", None))[1]

    def allowed(self, parameter: str) -> list[Any]:
        """Return the allowed values of a parameter."""
        ((_, items),) = self.named("param")[parameter].decorators["allowed"]
        return [value for _, value in items]

    @cached_property
    def expressions(self) -> list[Expression]:
        """All expressions of the file, including subexpressions."""
        tops = [each for declared in self.declarations for each in (declared.value, declared.condition) if each]
        return [part for top in tops for part in _parts(top)]

    def undeclared(self) -> set[str]:
        """Return the names that are used but not declared, and functions that FUNCTIONS does not implement."""
        lambdas = {part[1] for part in self.expressions if part[0] == "lambda"}
        called = {part[1] for part in self.expressions if part[0] == "call"}
        return (self._referenced() - {each.name for each in self.declarations} - lambdas) | (called - FUNCTIONS.keys())

    def unused(self) -> set[str]:
        """Return the parameters, variables and existing resources without a reference."""
        declared = {each.name for each in self.declarations if each.kind in ("param", "var") or each.existing}
        return declared - self._referenced()

    def _referenced(self) -> set[str]:
        return {part[1] for part in self.expressions if part[0] == "name"}

    def outputs_used(self) -> set[tuple[str, str]]:
        """Return (module, output) for each use of a module's output."""
        return {
            (part[1][1][1], part[2][1])
            for part in self.expressions
            if part[0] == "member" and part[1][0] == "member" and part[1][2] == ("text", "outputs")
        }


def passed(module: Statement) -> set[str]:
    """Return the names of the parameters that are passed to a module."""
    _, members, _ = module.value or ("object", [], [])
    (params,) = [value for key, value in members if key == ("text", "params")]
    return {key[1] for key, _ in params[1]}


def _with_nested(statement: Statement) -> Iterator[Statement]:
    yield statement
    for nested in statement.nested:
        yield from _with_nested(nested)


def _parts(value: Any) -> Iterator[Expression]:
    """Yield an expression and all of its subexpressions."""
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        yield value
    for part in value if isinstance(value, (tuple, list)) else ():
        yield from _parts(part)
