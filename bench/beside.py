"""Function apps with the least that can stand beside ours: a function that says hello, and one that only relays."""

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

_HELLO = """
@app.route(route="hello", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({"hello": "world"}), mimetype="application/json")
"""

_RELAY = """
import requests

session = requests.Session()

@app.route(route="relay", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def relay(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Authorization": "Bearer " + os.environ["RELAY_TOKEN"]}
    answer = session.get(os.environ["AAD_FUNC_URL"], headers=headers, timeout=10)
    return func.HttpResponse(answer.content, mimetype="application/json")
"""


@contextlib.contextmanager
def hello_app() -> Iterator[Path]:
    """The folder of an app with one function, which says hello."""
    with _folder(f"{_IMPORTS}app = func.FunctionApp()\n{_HELLO}") as folder:
        yield folder


@contextlib.contextmanager
def our_app() -> Iterator[Path]:
    """The folder of our app, with `hello` and `relay` beside its functions."""
    with _folder(f"{_IMPORTS}from function_app_itself import app\n{_HELLO}{_RELAY}") as folder:
        (folder / "function_app_itself.py").symlink_to(apps.APP / "function_app.py")
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
