"""A Functions host for HTTP functions of the Python programming model v2.

Responses are modeled on those of `func start`. local_azure/README.md lists the emulated behavior and the tests.
"""

import asyncio
import logging
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import azure.functions as func
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local_azure.functions_host.context import InvocationContext
from local_azure.functions_host.loader import HttpFunction, load_functions

MAX_BODY_BYTES = 100 * 1024 * 1024

log = logging.getLogger(__name__)


class FunctionsHost:
    """An ASGI app that serves the HTTP functions of the function app in `folder`."""

    def __init__(self, folder: Path, *, local_settings: bool = True) -> None:
        self._folder = folder
        self.functions = load_functions(folder, local_settings=local_settings)
        # Sync functions run in this thread pool and async functions on the event loop, as in the worker.
        self._pool = ThreadPoolExecutor(_thread_count(), thread_name_prefix="function")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        await (await self._respond(request))(scope, receive, send)

    def describe(self, origin: str) -> str:
        """Return a list of the functions and their URLs, in the format of `func start`."""
        lines = ["Functions:", ""]
        for function in self.functions:
            methods = ",".join(function.methods) or "any method"
            route = "disabled" if function.disabled else f"[{methods}] {origin}/{function.template.text}"
            lines += [f"        {function.name}: {route}", ""]
        return "\n".join(lines)

    async def _respond(self, request: Request) -> Response:
        # On Azure, too, an unknown path, a wrong method and a disabled function result in a 404 without a body.
        function, route_params = self._find(request)
        if function is None:
            return Response(status_code=404)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        start = time.perf_counter()
        try:
            result = await self._invoke(function, _function_request(request, route_params, body), request)
            response = _response(result)
        except Exception:
            # The stack trace is for the developer's console. The caller gets an empty 500.
            log.exception("Function %s failed", function.name)
            response = Response(status_code=500)
        elapsed = (time.perf_counter() - start) * 1000
        log.info("Executed %s: %s (%.0f ms)", function.name, response.status_code, elapsed)
        return response

    def _find(self, request: Request) -> tuple[HttpFunction | None, dict[str, str]]:
        # Like ASP.NET, do not decode %2F, because a decoded slash would split the path segment.
        parts = re.split("%2F", request.scope["raw_path"].decode("latin-1"), flags=re.IGNORECASE)
        path = "%2F".join(unquote(part) for part in parts)
        for function in self.functions:
            if function.disabled or (function.methods and request.method not in function.methods):
                continue
            route_params = function.template.match(path)
            if route_params is not None:
                return function, route_params
        return None, {}

    async def _invoke(self, function: HttpFunction, request: func.HttpRequest, original: Request) -> Any:
        arguments: dict[str, Any] = {function.trigger: request}
        outputs = {name: Out() for name in function.outputs}
        arguments |= outputs
        if function.wants_context:
            arguments["context"] = InvocationContext.of(function.name, self._folder, original.headers)
        if function.is_async:
            result = await function.call(**arguments)
        else:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._pool, lambda: function.call(**arguments))
        for name, output in outputs.items():
            if output.get() is not None:
                log.info("Output binding %s of %s was set to %r, which is not sent", name, function.name, output.get())
        return result


class Out(func.Out[Any]):
    """The value that a function sets for an output binding."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Set the value."""
        self._value = val

    def get(self) -> Any:
        """Return the value, or None if the function did not set a value."""
        return self._value


def _thread_count() -> int:
    configured = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(configured) if configured.isdecimal() and int(configured) else min(32, (os.cpu_count() or 1) + 4)


async def _body(request: Request) -> bytes | None:
    """Return the body, or None if the body is too large. Like Azure, ignore the body of a chunked request."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal():
        return b""
    return await request.body() if int(declared) <= MAX_BODY_BYTES else None


def _function_request(request: Request, route_params: dict[str, str], body: bytes) -> func.HttpRequest:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    params: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for original, value in parse_qsl(request.url.query):
        name = spelling.setdefault(original.lower(), original)
        params[name] = f"{params[name]},{value}" if name in params else value
    return func.HttpRequest(
        request.method, str(request.url), headers=headers, params=params, route_params=route_params, body=body
    )


def _response(result: Any) -> Response:
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"the function returned {type(result).__name__}, not an HttpResponse")
    response = Response(result.get_body(), status_code=result.status_code)
    content_type = result.mimetype
    if content_type.startswith("text/"):
        content_type += f"; charset={result.charset}"
    response.headers["content-type"] = content_type
    for name, value in result.headers.items():
        # Only the last value of a repeated header is sent, except for Set-Cookie.
        if name.lower() == "set-cookie":
            response.headers.append(name, value)
        else:
            response.headers[name] = value
    return response
