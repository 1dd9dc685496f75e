"""Load a function app like the Python worker: local.settings.json, host.json and function_app.py."""

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
    """A function with an HTTP trigger. `outputs` names the parameters for output bindings."""

    name: str
    call: Callable[..., Any]
    trigger: str
    outputs: tuple[str, ...]
    template: RouteTemplate
    methods: tuple[str, ...]
    disabled: bool

    @property
    def is_async(self) -> bool:
        """Whether the function runs on the event loop instead of in the thread pool."""
        return inspect.iscoroutinefunction(self.call)

    @property
    def wants_context(self) -> bool:
        """Whether the function has a parameter `context`."""
        return "context" in inspect.signature(self.call).parameters


def load_functions(folder: Path, *, local_settings: bool = True) -> list[HttpFunction]:
    """Return the HTTP functions of the app in `folder`, sorted by name. Raises StartError.

    Like the worker, this changes the environment, the module search path and the working directory of the process.
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
        raise StartError(f"{folder / 'function_app.py'} must define one FunctionApp object, but defines {len(apps)}.")
    try:
        functions = [_http_function(function, prefix) for function in apps[0].get_functions()]
    except ValueError as error:
        raise StartError(f"The functions of {folder} cannot be indexed: {error}.") from None
    return sorted((function for function in functions if function), key=lambda function: function.name)


def _apply_settings(folder: Path) -> None:
    """Add `Values` of local.settings.json to the environment. Like Core Tools, do not replace existing variables."""
    file = folder / "local.settings.json"
    if not file.exists():
        return
    settings = _read_json(file)
    if settings.get("IsEncrypted"):
        raise StartError(f"{file} is encrypted. Run 'func settings decrypt' first.")
    try:
        for name, value in settings.get("Values", {}).items():
            os.environ.setdefault(name, str(value))
    except (AttributeError, ValueError, OSError):  # not an object, or an invalid name or value
        raise StartError(f"{file}: Values must be an object with valid environment variables.") from None


def _route_prefix(host: dict[str, Any], folder: Path) -> str:
    try:
        prefix = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    except AttributeError:
        prefix = None
    if not isinstance(prefix, str):
        raise StartError(f"{folder / 'host.json'}: extensions.http.routePrefix must be a string.")
    return prefix


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise StartError(f"{file} cannot be read ({error.strerror}). Is this the folder of a function app?") from None
    except ValueError as error:
        raise StartError(f"{file} is not valid JSON: {error}.") from None
    if not isinstance(content, dict):
        raise StartError(f"{file} must contain a JSON object.")
    return content


def _import(folder: Path) -> Any:
    if not (folder / "function_app.py").exists():
        raise StartError(
            f"{folder} does not contain function_app.py. The local host supports only programming model v2."
        )
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("function_app")
    except Exception as error:
        # Like the worker's error, the message contains the exception.
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
    """Return whether a setting disables the function. Shells need underscores instead of dots in the setting's name.

    https://learn.microsoft.com/azure/azure-functions/disable-function
    """
    values = (os.environ.get(f"AzureWebJobs.{name}.Disabled"), os.environ.get(f"AzureWebJobs_{name}_Disabled"))
    return any((value or "").lower() in ("true", "1") for value in values)
