"""Evaluate infra/ for given parameters, without Azure: the resources that a deployment would create.

IDs that Azure assigns are GUIDs derived from the resource's name. Modules and resources whose condition is false are
absent, and reading one of their outputs is an error, as in a deployment.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.bicep_functions import FUNCTIONS, DeploymentError, identifier
from tests.support.bicep_syntax import Expression, Statement, statements

_GUIDS = {"principalId", "clientId", "appId"}


@dataclass
class Resource:
    """A deployed resource. `body` is from the template; `member` adds Azure's members."""

    type: str
    name: str
    body: dict[str, Any]
    existing: bool = False

    def member(self, key: str) -> Any:
        """Return a member of the resource. Values that Azure would assign are derived from the resource's name."""
        if key in self.body:
            return _Added(f"{self.type}/{self.name}", self.body[key])
        if key == "id" and not self.type.startswith("Microsoft.Graph/"):
            return f"/providers/{self.type}/{self.name}"
        if key in ("id", *_GUIDS):
            return identifier(f"{self.type}/{self.name}/{key}")
        return _Added(f"{self.type}/{self.name}", {})


class _Added(dict[str, Any]):
    """An object of the template, with the members that Azure adds."""

    def __new__(cls, path: str, value: Any) -> Any:
        return super().__new__(cls) if isinstance(value, dict) else value

    def __init__(self, path: str, value: Any) -> None:
        super().__init__(value)
        self.path = path

    def __missing__(self, key: str) -> Any:
        if key in _GUIDS:
            return identifier(f"{self.path}/{key}")
        if key == "defaultHostName":
            return f"{self.path.rpartition('/')[2]}.azurewebsites.net"
        return f"{key} of {self.path}" if key == "ConnectionString" else _Added(self.path, {"blob": "https://blob/"})


@dataclass
class Deployment:
    """A Bicep file, evaluated with parameters. Raises DeploymentError."""

    path: Path
    parameters: dict[str, Any]
    resources: list[Resource] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.declared = {each.name: each for each in statements(self.path) if each.name and each.kind != "output"}
        self.values: dict[str, Any] = {}
        for each in self.declared.values():
            if each.kind == "param":
                self.check(each)
        for each in self.declared.values():
            if each.kind in ("module", "resource"):
                self.value(each.name)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {each.name: self.evaluate(each.value) for each in statements(self.path) if each.kind == "output"}

    def of_type(self, kind: str) -> list[Resource]:
        """Return the deployed resources of a type, without `existing` ones."""
        return [each for each in self.resources if each.type == kind and not each.existing]

    def settings(self, site: str) -> dict[str, str]:
        """Return the app settings of a site."""
        (found,) = [each for each in self.of_type("Microsoft.Web/sites/config") if each.name == f"{site}/appsettings"]
        return dict(found.body["properties"])

    def check(self, declared: Statement) -> None:
        """Raise DeploymentError if a parameter is missing or violates its decorators."""
        value = self.value(declared.name)
        limits = {name: self.evaluate(args[0]) for name, args in declared.decorators.items() if name != "metadata"}
        if value not in limits.get("allowed", [value]):
            raise DeploymentError(f"{declared.name} is not allowed to be {value!r}")
        if "minValue" in limits and not limits["minValue"] <= value <= limits["maxValue"]:
            raise DeploymentError(f"{declared.name} is out of range")
        if "minLength" in limits and len(value) < limits["minLength"]:
            raise DeploymentError(f"{declared.name} is too short")

    def value(self, name: str) -> Any:
        """Return the value of a symbol."""
        if name not in self.values:
            self.values[name] = self.declare(self.declared[name])
        return self.values[name]

    def declare(self, declared: Statement, parent: Resource | None = None) -> Any:
        """Return the value of a declaration, or None if its condition is false."""
        if declared.kind == "param" and declared.name in self.parameters:
            return self.parameters[declared.name]
        if declared.condition is not None and not self.evaluate(declared.condition):
            return None
        if declared.kind == "module":
            return self.module(declared)
        if declared.kind == "resource":
            return self.resource(declared, parent)
        if declared.value is None:
            raise DeploymentError(f"{declared.name} is missing")
        return self.evaluate(declared.value)

    def module(self, declared: Statement) -> "Deployment":
        module = Deployment(self.path.parent / declared.type, self.evaluate(declared.value)["params"])
        self.resources += module.resources
        return module

    def resource(self, declared: Statement, parent: Resource | None) -> Resource:
        """Add a resource and its nested resources."""
        body = self.evaluate(declared.value)
        kind = declared.type.partition("@")[0]
        parent = body.get("parent", parent)
        nested_type = "/" not in kind
        name = f"{parent.name}/{body['name']}" if parent and not kind.startswith("Microsoft.Graph/") else None
        if nested_type and parent:
            kind = f"{parent.type}/{kind}"
        key = body.get("name") or body.get("uniqueName") or f"service principal of {body.get('appId')}"
        found = Resource(kind, name or key, body, declared.existing)
        self.resources.append(found)
        self.values[declared.name] = found
        for nested in declared.nested:
            self.declare(nested, found)
        return found

    def evaluate(self, expression: Expression | None, local: dict[str, Any] | None = None) -> Any:
        assert expression is not None
        return getattr(self, f"_{expression[0]}")(*expression[1:], local=local or {})

    def _literal(self, value: Any, local: dict[str, Any]) -> Any:
        return value

    _text = _literal

    def _join(self, parts: list[Expression], local: dict[str, Any]) -> str:
        return "".join(str(self.evaluate(part, local)) for part in parts)

    def _array(self, items: list[Expression], local: dict[str, Any]) -> list[Any]:
        return [self.evaluate(item, local) for item in items]

    def _object(self, members: list[tuple[Expression, Expression]], _: Any, local: dict[str, Any]) -> dict[str, Any]:
        return {self.evaluate(key, local): self.evaluate(value, local) for key, value in members}

    def _name(self, name: str, local: dict[str, Any]) -> Any:
        return local[name] if name in local else self.value(name)

    def _lambda(self, name: str, body: Expression, local: dict[str, Any]) -> Callable[[Any], Any]:
        return lambda value: self.evaluate(body, {**local, name: value})

    def _if(self, condition: Expression, yes: Expression, no: Expression, local: dict[str, Any]) -> Any:
        return self.evaluate(yes if self.evaluate(condition, local) else no, local)

    def _not(self, value: Expression, local: dict[str, Any]) -> bool:
        return not self.evaluate(value, local)

    def _binary(self, operator: str, left: Expression, right: Expression, local: dict[str, Any]) -> Any:
        first = self.evaluate(left, local)
        if operator in ("&&", "||"):
            return first if first == (operator == "||") else self.evaluate(right, local)
        second = self.evaluate(right, local)
        return {"==": first == second, "!=": first != second, ">": operator == ">" and first > second}[operator]

    def _member(self, value: Expression, key: Expression, local: dict[str, Any]) -> Any:
        whole, name = self.evaluate(value, local), self.evaluate(key, local)
        if whole is None:
            raise DeploymentError(f"{name} of a resource or module that is not deployed: {value}")
        if isinstance(whole, Deployment):
            return whole.outputs
        return whole.member(name) if isinstance(whole, Resource) else whole[name]

    def _call(self, name: str, arguments: list[Expression], local: dict[str, Any]) -> Any:
        return FUNCTIONS[name](*(self.evaluate(each, local) for each in arguments))
