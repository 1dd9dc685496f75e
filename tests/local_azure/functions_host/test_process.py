"""A Functions host in a child process is ready when the context begins, and ends with the parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local_azure.functions_host import process
from local_azure.serving.errors import StartError
from local_azure.serving.ports import free_port
from tests.support.apps import APP, clean_environment
from tests.support.tenant_requests import is_listening
from tests.support.waiting import run_bounded, until

FUNCTION_APP = """
import os
import signal
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="setting")
def setting(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ["SETTING"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text(FUNCTION_APP)
    return str(tmp_path)


def test_host_responds_while_the_context_is_active(folder: str, monkeypatch):
    monkeypatch.chdir(APP)
    monkeypatch.setenv("SETTING", "from the parent")
    port = free_port()
    with process.host(folder, port, "app", {"SETTING": "from the host"}) as child:
        assert requests.get(f"http://127.0.0.1:{port}/api/setting", timeout=10).text == "from the host"
    assert child.poll() is not None
    assert not is_listening(port)


def test_host_that_cannot_start_is_an_error_that_names_it(tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(APP)
    message = r"^orders did not start \(exit code 1\)\. See the error message above\.$"
    with pytest.raises(StartError, match=message), process.host(str(tmp_path), free_port(), "orders", {}):
        pass
    assert "host.json cannot be read" in capfd.readouterr().err


PARENT = """
import os, sys, time
from local_azure.functions_host import process
folder, port = sys.argv[1], int(sys.argv[2])
with process.host(folder, port, "app", {"SETTING": "x"}) as child:
    print(child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_host_ends_if_its_parent_is_killed(folder: str):
    port = free_port()
    command = [sys.executable, "-c", PARENT, folder, str(port)]
    with clean_environment():
        parent = subprocess.Popen(command, cwd=APP, stdout=subprocess.PIPE, text=True)
    host = int(parent.stdout.readline())
    assert is_listening(port)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        run_bounded(until(lambda: not is_listening(port)))
    finally:
        if is_listening(port):
            os.kill(host, signal.SIGKILL)
