"""`host`: printed URLs, options and shutdown."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.commands import SECONDS, call, start

FUNCTION_APP = """
import logging, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="setting", methods=["GET"])
def setting(req: func.HttpRequest) -> func.HttpResponse:
    logging.info("a line of the app")
    return func.HttpResponse(os.environ.get("SETTING", "none"))

@app.route(route="off")
def off(req: func.HttpRequest) -> func.HttpResponse: ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "host.json").write_text("{}")
    settings = '{"Values": {"SETTING": "from the file", "AzureWebJobs.off.Disabled": "true"}}'
    (tmp_path / "local.settings.json").write_text(settings)
    (tmp_path / "function_app.py").write_text(FUNCTION_APP)
    return tmp_path


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """Run the host and yield the process with the lines that it prints at startup."""
    process = start("host", "--port", 0, *arguments)
    try:
        yield process, [process.stdout.readline() for _ in range(6)]
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def test_functions_are_listed_with_their_urls(folder: Path):
    with running(folder) as (process, lines):
        title, _, off, _, setting, _ = lines
        assert (title, off) == ("Functions:\n", "        off: disabled\n")
        assert setting.startswith("        setting: [GET] http://127.0.0.1:")
        assert requests.get(setting.split()[-1], timeout=30).text == "from the file"
        process.terminate()
        _, log = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "a line of the app\n" in log


def test_local_settings_can_be_ignored_and_log_lines_start_with_the_name(folder: Path):
    with running(folder, "--no-local-settings", "--name", "orders") as (process, lines):
        assert requests.get(lines[4].split()[-1], timeout=30).text == "none"
        process.terminate()
        _, log = process.communicate(timeout=SECONDS)
    assert "[orders] a line of the app\n" in log


def test_child_host_logs_only_warnings_and_exits_when_its_input_closes(folder: Path):
    """The demo's output contains no messages of libraries. The host exits when standard input closes."""
    done = call("host", folder, "--port", 0, "--child", "--name", "orders")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
