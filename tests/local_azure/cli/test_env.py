"""`env`: the settings of the running tenant, for another terminal."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from tests.local_azure.cli.demo_process import Demo
from tests.support.apps import APP, clean_environment
from tests.support.commands import call

README = (APP / "local_azure" / "README.md").read_text("utf-8")
LINES = re.search(r"## In another terminal\n.*?```sh\n(.*?)```", README, re.DOTALL)[1].splitlines()
OUTPUT = {
    "curl": '"client_id":"1de00001-c11d-4000-8000-000000000000"',
    "azure.identity": "",
    "tools.token": "Verdict: aad-func would accept this token",
    "tools.roles": "msi-func     ServicePrincipal",
    "tools.doctor": "Verdict: Healthy.",
}


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize("line", LINES, ids=lambda line: next(name for name in OUTPUT if name in line))
def test_commands_in_the_readme_work_while_the_demo_runs(line: str, demo: Demo):
    tenant = re.search(r"tenant +(http://127.0.0.1:\d+)", demo.printed)[1]
    for usual, function in (("7071", "msi-func"), ("7072", "aad-func")):
        line = line.replace(f":{usual}/", re.search(rf"{function} +http://127.0.0.1(:\d+/)", demo.printed)[1])
    with clean_environment():
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "LOCAL_AZURE_URL": tenant, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", line], cwd=APP, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert next(expected for name, expected in OUTPUT.items() if name in line) in done.stdout


def test_settings_are_those_of_the_named_site(local_azure_server: LocalAzure):
    here = {"LOCAL_AZURE_URL": local_azure_server.origin}
    default = json.loads(call("env", "--format", "json", **here).stdout)["Values"]
    assert default == local_azure_server.environment()
    named = json.loads(call("env", "--format", "json", "--site", "deployment", **here).stdout)["Values"]
    assert named["IDENTITY_HEADER"] == local_azure_server.directory.site("deployment").identity_header
    machine = json.loads(call("env", "--format", "json", "--imds", **here).stdout)["Values"]
    assert "IDENTITY_ENDPOINT" not in machine


def test_no_proxy_extends_the_value_in_the_terminal(local_azure_server: LocalAzure):
    done = call("env", "--format", "json", LOCAL_AZURE_URL=local_azure_server.origin, NO_PROXY="corp.example")
    assert json.loads(done.stdout)["Values"]["NO_PROXY"] == "corp.example,127.0.0.1,localhost"


def test_unknown_site_is_an_error(local_azure_server: LocalAzure):
    done = call("env", "--site", "ghost", LOCAL_AZURE_URL=local_azure_server.origin)
    assert (done.returncode, done.stdout) == (1, "false\n")
    assert done.stderr.startswith("local_azure: No site is named ghost. The tenant file defines: msi-func, ")
