"""The first call of one function of the app in this folder, in a process that does nothing else.

    python -m bench.first_call aad_func --since 1234.5 --import jwt.algorithms < token

Prints JSON: the answer, what is imported before and after, and how long each stage took, in seconds.
"""

import time

RUNNING = time.monotonic()

import argparse
import asyncio
import importlib
import inspect
import itertools
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

STAGES = ("python", "functions loaded", "modules", "call")


def main() -> None:
    """Load the app, call the function, print."""
    moments = [RUNNING]
    parser = argparse.ArgumentParser(
        prog="python -m bench.first_call", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("function")
    parser.add_argument("--since", type=float, default=RUNNING, help="start of the process (time.monotonic)")
    parser.add_argument("--import", action="append", default=[], dest="modules", help="in a stage of its own")
    parser.add_argument("--query", default="", help="of the request, as in as=user")
    options = parser.parse_args()

    functions = importlib.import_module("function_app").app.get_functions()
    moments.append(time.monotonic())
    at_start = sorted(sys.modules)
    for module in options.modules:
        importlib.import_module(module)
    moments.append(time.monotonic())
    function = next(each.get_user_function() for each in functions if each.get_function_name() == options.function)
    answer = _call(function, options.query)
    moments.append(time.monotonic())
    spent = (end - start for start, end in itertools.pairwise([options.since, *moments]))
    told = {
        "status": answer.status_code,
        "body": answer.get_body().decode(),
        "stages": dict(zip(STAGES, spent, strict=True)),
        "modules_at_start": at_start,
        "modules": sorted(sys.modules),
    }
    print(json.dumps(told))


def _call(function: Any, query: str) -> Any:
    from azure.functions import HttpRequest

    token = sys.stdin.read().strip()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = HttpRequest("GET", "/", headers=headers, params=dict(parse_qsl(query)), body=b"")
    arguments: dict[str, Any] = {"req": request}
    if "context" in inspect.signature(function).parameters:
        from local_azure.functions_context import Context

        arguments["context"] = Context.of(function.__name__, Path(), {})
    answer = function(**arguments)
    return asyncio.run(_result(answer)) if inspect.isawaitable(answer) else answer


async def _result(answer: Any) -> Any:
    return await answer


if __name__ == "__main__":
    main()
