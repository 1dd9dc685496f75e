"""The first call of one function of the app in this folder, in a process that does nothing else.

    python -m bench.first_call aad_func STARTED [MODULE ...] < token

Prints JSON: the answer, what is imported, and how long each stage took, in seconds; the first one since STARTED, of
time.monotonic. MODULEs are imported in a stage of their own, to see what part of the call they are.
"""

import asyncio
import importlib
import inspect
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any


def main(name: str, started: str, *modules: str) -> None:
    """Load the app, call the function, print."""
    moments = [float(started), time.monotonic()]
    functions = importlib.import_module("function_app").app.get_functions()
    moments.append(time.monotonic())
    at_start = sorted(sys.modules)
    for module in modules:
        importlib.import_module(module)
    moments.append(time.monotonic())
    answer = _call(next(each.get_user_function() for each in functions if each.get_function_name() == name))
    moments.append(time.monotonic())
    spent = (end - start for start, end in itertools.pairwise(moments))
    print(
        json.dumps(
            {
                "stages": dict(zip(("python", "functions loaded", "modules", "call"), spent, strict=True)),
                "status": answer.status_code,
                "body": answer.get_body().decode(),
                "modules_at_start": at_start,
                "modules": sorted(sys.modules),
            }
        )
    )


def _call(function: Any) -> Any:
    from azure.functions import HttpRequest

    token = sys.stdin.read().strip()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    arguments: dict[str, Any] = {"req": HttpRequest("GET", "/", headers=headers, params={}, body=b"")}
    if "context" in inspect.signature(function).parameters:
        from local_azure.functions_context import Context

        arguments["context"] = Context.of(function.__name__, Path(), {})
    answer = function(**arguments)
    return asyncio.run(_result(answer)) if inspect.isawaitable(answer) else answer


async def _result(answer: Any) -> Any:
    return await answer


if __name__ == "__main__":
    main(*sys.argv[1:])
