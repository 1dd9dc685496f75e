"""This app with additional functions: the shortest possible functions as baselines, and the functions for the soak."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import apps

_IMPORTS = """
import json
import os
import azure.functions as func
"""

# A response with the same headers and size as aad-func's.
_HELLO = """
BODY = json.dumps({"hello": "world" * 200})
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

@app.route(route="hello", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(BODY, headers=HEADERS, mimetype="application/json")
"""

# The functions have the parameter `context` like msi-func, because local_azure creates a context only if it is needed.
_RELAYS = """
import aiohttp
import requests

URL = os.environ.get("AAD_FUNC_URL")
TOKEN = {"Authorization": "Bearer " + os.environ.get("RELAY_TOKEN", "")}
session = requests.Session()
async_session = None

@app.route(route="requests-relay", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def requests_relay(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    response = session.get(URL, headers=TOKEN, timeout=10)
    return func.HttpResponse(response.content, mimetype="application/json")

@app.route(route="aiohttp-relay", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def aiohttp_relay(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    global async_session
    async_session = async_session or aiohttp.ClientSession()
    async with async_session.get(URL, headers=TOKEN) as response:
        return func.HttpResponse(await response.read(), mimetype="application/json")
"""

_LOOP_LAG = """
import asyncio
from bench.loop_lag import LoopLag

lag = LoopLag()
watching = None

@app.route(route="loop-lag", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def loop_lag(req: func.HttpRequest) -> func.HttpResponse:
    global watching
    watching = watching or asyncio.create_task(lag.watch())
    delays = {"blocked": lag.blocked, "collecting": lag.collecting, "late": lag.late}
    return func.HttpResponse(json.dumps(delays), mimetype="application/json")
"""

_ORDERS = """
from common.problems import Problem, problem_response
from msi_func.downstream import DownstreamApi

api = DownstreamApi.from_settings("ORDERS")

@app.route(route="orders", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def orders(req: func.HttpRequest) -> func.HttpResponse:
    try:
        response = await (api.post(content=req.get_body()) if req.method == "POST" else api.get())
        return func.HttpResponse(json.dumps(response.json()), mimetype="application/json")
    except Problem as problem:
        return problem_response(problem)
"""


@contextlib.contextmanager
def hello_app() -> Iterator[Path]:
    """Create the folder of an app whose only function is `hello`."""
    with _folder(f"{_IMPORTS}app = func.FunctionApp()\n{_HELLO}") as folder:
        yield folder


@contextlib.contextmanager
def app_with_baselines() -> Iterator[Path]:
    """Create a folder with this app and the functions `hello`, `requests-relay` and `aiohttp-relay`."""
    with _app_with(f"{_HELLO}{_RELAYS}") as folder:
        yield folder


@contextlib.contextmanager
def soak_app(*, orders: bool) -> Iterator[Path]:
    """Create a folder with this app, the function `loop-lag` and, if `orders` is true, the function `orders`."""
    with _app_with(f"{_LOOP_LAG}{_ORDERS if orders else ''}") as folder:
        yield folder


@contextlib.contextmanager
def _app_with(functions: str) -> Iterator[Path]:
    with _folder(f"{_IMPORTS}from original_function_app import app\n{functions}") as folder:
        (folder / "original_function_app.py").symlink_to(apps.APP / "function_app.py")
        for package in ("aad_func", "msi_func", "common"):
            (folder / package).symlink_to(apps.APP / package)
        yield folder


@contextlib.contextmanager
def _folder(functions: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "function_app.py").write_text(functions)
        (folder / "host.json").symlink_to(apps.APP / "host.json")
        yield folder
