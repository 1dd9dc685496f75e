"""Loading a function app as the Python worker does: settings, host.json and the functions of function_app.py."""

import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_azure.functions_host.routing import RouteTemplate
from local_azure.serving.errors import StartError

OUTPUT = 1  # azure.functions' BindingDirection.OUT


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """A function with an HTTP trigger. `outputs` are the parameters of its output bindings."""

    name: str
    call: Callable[..., Any]
    trigger: str
    outputs: tuple[str, ...]
    template: RouteTemplate
    methods: tuple[str, ...]
    disabled: bool

    @property
    def is_async(self) -> bool:
        """Whether the function runs on the event loop, not in the thread pool."""
        return inspect.iscoroutinefunction(self.call)

    @property
    def wants_context(self) -> bool:
        """Whether the function has a parameter `context`."""
        return "context" in inspect.signature(self.call).parameters


def load_functions(folder: Path, *, local_settings: bool = True) -> list[HttpFunction]:
    """Return the HTTP functions of the app in `folder`, sorted by name. Raises StartError.

    Like the worker, it changes this process: environment, module path and working directory.
    """
    folder = folder.resolve()
    host = _read_json(folder / "host.json")
    if local_settings:
        _apply_settings(folder)
    prefix = _route_prefix(host, folder)
    module = _import(folder)
    apps = [
        value for value in vars(module).values() if hasattr(value, "get_functions") and hasattr(value, "auth_level")
    ]
    if len(apps) != 1:
        raise StartError(f"{folder / 'function_app.py'} has {len(apps)} FunctionApp objects, not one.")
    try:
        functions = [_http_function(function, prefix) for function in apps[0].get_functions()]
    except ValueError as error:
        raise StartError(f"The functions of {folder} cannot be indexed: {error}.") from None
    return sorted((function for function in functions if function), key=lambda function: function.name)


def _apply_settings(folder: Path) -> None:
    """Apply the Values of local.settings.json that the environment does not define, as Core Tools do."""
    file = folder / "local.settings.json"
    if not file.exists():
        return
    settings = _read_json(file)
    if settings.get("IsEncrypted"):
        raise StartError(f"{file} is encrypted: run 'func settings decrypt' first.")
    try:
        for name, value in settings.get("Values", {}).items():
            os.environ.setdefault(name, str(value))
    except (AttributeError, ValueError, OSError):  # the last two: values that the environment rejects
        raise StartError(f"{file} has no object Values with strings.") from None


def _route_prefix(host: dict[str, Any], folder: Path) -> str:
    try:
        prefix = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    except AttributeError:
        prefix = None
    if not isinstance(prefix, str):
        raise StartError(f"{folder / 'host.json'}: extensions.http.routePrefix is not a string.")
    return prefix


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise StartError(f"{file} cannot be read ({error.strerror}): is this the folder of a function app?") from None
    except ValueError as error:
        raise StartError(f"{file} is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise StartError(f"{file} is not a JSON object.")
    return content


def _import(folder: Path) -> Any:
    if not (folder / "function_app.py").exists():
        raise StartError(f"{folder} has no function_app.py: the local host supports only programming model v2.")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("function_app")
    except Exception as error:
        # For the developer's console, as the worker shows it.
        raise StartError(
            f"The function app cannot be imported. {_where(error)}{type(error).__name__}: {error}"
        ) from None


def _where(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: "
    return f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""


def _http_function(function: Any, prefix: str) -> HttpFunction | None:
    trigger = function.get_trigger()
    if trigger is None or trigger.type != "httpTrigger":
        return None
    name = function.get_function_name()
    methods = tuple(str(getattr(method, "value", method)).upper() for method in trigger.methods or ())
    bindings = [binding for binding in function.get_bindings() if binding.name not in (trigger.name, "$return")]
    if any(binding.direction != OUTPUT for binding in bindings):
        raise ValueError(f"{name} has an input binding, which the local host does not support")
    outputs = tuple(binding.name for binding in bindings)
    template = RouteTemplate(f"{prefix}/{trigger.route or name}")
    call, disabled = function.get_user_function(), _is_disabled(name)
    return HttpFunction(name, call, trigger.name, outputs, template, methods, disabled)


def _is_disabled(name: str) -> bool:
    """Return whether a setting disables the function; underscores are for shells, whose names cannot have dots.

    https://learn.microsoft.com/azure/azure-functions/disable-function
    """
    values = (os.environ.get(f"AzureWebJobs.{name}.Disabled"), os.environ.get(f"AzureWebJobs_{name}_Disabled"))
    return any((value or "").lower() in ("true", "1") for value in values)
