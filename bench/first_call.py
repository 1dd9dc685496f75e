"""Send the first request to one function of the app in the current folder.

    python -m bench.first_call aad_func --since 1234.5 < token

Prints JSON: the response, the modules that are loaded before and after the request, the seconds of each stage, and
the CPU seconds of this process.
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

STAGES = ("python", "functions loaded", "call")


def main() -> None:
    """Load the app, call the function, print the result."""
    moments = [RUNNING]
    parser = argparse.ArgumentParser(
        prog="python -m bench.first_call", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("function", help="name of the function, such as aad_func")
    parser.add_argument(
        "--since", type=float, default=RUNNING, help="time at which the process was started (monotonic)"
    )
    parser.add_argument("--query", default="", help="query string of the request, for example as=user")
    options = parser.parse_args()

    functions = importlib.import_module("function_app").app.get_functions()
    moments.append(time.monotonic())
    at_start = sorted(sys.modules)
    function = next(each.get_user_function() for each in functions if each.get_function_name() == options.function)
    response = _call(function, options.query)
    moments.append(time.monotonic())
    seconds = (end - start for start, end in itertools.pairwise([options.since, *moments]))
    output = {
        "status": response.status_code,
        "body": response.get_body().decode(),
        "cpu": time.process_time(),
        "stages": dict(zip(STAGES, seconds, strict=True)),
        "modules_at_start": at_start,
        "modules": sorted(sys.modules),
    }
    print(json.dumps(output))


def _call(function: Any, query: str) -> Any:
    from azure.functions import HttpRequest

    token = sys.stdin.read().strip()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = HttpRequest("GET", "/", headers=headers, params=dict(parse_qsl(query)), body=b"")
    arguments: dict[str, Any] = {"req": request}
    if "context" in inspect.signature(function).parameters:
        from local_azure.functions_host.context import InvocationContext

        arguments["context"] = InvocationContext.of(function.__name__, Path(), {})
    result = function(**arguments)
    return asyncio.run(_await(result)) if inspect.isawaitable(result) else result


async def _await(result: Any) -> Any:
    return await result


if __name__ == "__main__":
    main()
