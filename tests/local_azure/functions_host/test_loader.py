"""Loading a function app: errors that name the file and the remedy, and bindings."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support import apps

INVALID = [
    ("an empty folder", {}, "host.json cannot be read"),
    ("host.json that is not an object", {"host.json": "[]"}, "host.json must contain a JSON object."),
    ("no function_app.py", {"host.json": "{}"}, "does not contain function_app.py."),
    (
        "an import error, with file and line",
        {"host.json": "{}", "function_app.py": "import json\nimport missing_module"},
        "function_app.py, line 2: ModuleNotFoundError: No module named 'missing_module'",
    ),
    (
        "a syntax error, with file and line",
        {"host.json": "{}", "function_app.py": "def"},
        "function_app.py, line 1: SyntaxError",
    ),
    (
        "no FunctionApp",
        {"host.json": "{}", "function_app.py": ""},
        "must define one FunctionApp object, but defines 0.",
    ),
    (
        "encrypted settings",
        {"host.json": "{}", "function_app.py": "", "local.settings.json": '{"IsEncrypted": true}'},
        "func settings decrypt",
    ),
    *(
        (
            f"invalid settings: {values}",
            {"host.json": "{}", "local.settings.json": f'{{"Values": {values}}}'},
            "local.settings.json: Values must be an object with valid environment variables.",
        )
        for values in ("[]", "null", '{"A": "\\u0000"}', '{"": "a"}', '{"A=B": "a"}')
    ),
    *(
        (f"invalid route prefix: {content}", {"host.json": content}, "extensions.http.routePrefix must be a string.")
        for content in (
            '{"extensions": null}',
            '{"extensions": {"http": []}}',
            '{"extensions": {"http": {"routePrefix": 1}}}',
        )
    ),
    (
        "two functions with the same name",
        {
            "host.json": "{}",
            "function_app.py": "import azure.functions as func\napp = func.FunctionApp()\n"
            + "@app.function_name('a')\n@app.route(route='{x}')\ndef f{x}(req): ...\n".replace("{x}", "1")
            + "@app.function_name('a')\n@app.route(route='{x}')\ndef f{x}(req): ...\n".replace("{x}", "2"),
        },
        "cannot be indexed",
    ),
]


@pytest.mark.parametrize(("why", "files", "message"), INVALID, ids=[case[0] for case in INVALID])
def test_app_that_cannot_be_loaded_is_a_one_line_error(why, files, message, tmp_path: Path):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    command = [sys.executable, "-m", "local_azure", "host", str(tmp_path), "--port", "0"]
    ended = subprocess.run(command, cwd=apps.APP, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stderr


BINDING = """
import azure.functions as func

app = func.FunctionApp()


@app.route(route="orders")
@app.{binding}
def orders(req: func.HttpRequest, message: {annotation}) -> func.HttpResponse:
    message.set("an order")
    return func.HttpResponse("ok")
"""


def app_with_binding(folder: Path, binding: str, annotation: str) -> Path:
    (folder / "function_app.py").write_text(BINDING.format(binding=binding, annotation=annotation))
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def test_value_of_an_output_binding_is_logged(tmp_path: Path):
    binding = 'queue_output(arg_name="message", queue_name="orders", connection="Storage")'
    with apps.running({}, folder=app_with_binding(tmp_path, binding, "func.Out[str]")) as host:
        assert requests.get(host.url("orders"), timeout=30).text == "ok"
        assert "Output binding message of orders was set to 'an order', which is not sent" in host.printed


def test_input_binding_is_not_supported(tmp_path: Path):
    binding = 'blob_input(arg_name="message", path="orders/1", connection="Storage")'
    app_with_binding(tmp_path, binding, "str")
    command = [sys.executable, "-m", "local_azure", "host", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, cwd=apps.APP, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "orders has an input binding, which the local host does not support" in done.stderr + done.stdout
