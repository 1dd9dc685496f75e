"""The demo's two function apps and their settings."""

import json
from dataclasses import replace
from pathlib import Path

import requests

from local_azure.cli import demo_apps
from local_azure.cli.demo_apps import DemoApps
from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from tests.support import apps

PRINTS_SETTINGS = """
import json, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps([os.environ.get(name) for name in ("THEIRS", "OURS")]))
"""


def test_demo_ignores_local_settings(tmp_path: Path, monkeypatch):
    """local.settings.json is for `func start` and usually names another tenant."""
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": {"THEIRS": "1"}}))
    (tmp_path / "function_app.py").write_text(PRINTS_SETTINGS)
    monkeypatch.setattr(demo_apps, "APP", tmp_path)
    with apps.clean_environment(), demo_apps.app_host(port := free_port(), "app", {"OURS": "2"}):
        assert requests.get(f"http://127.0.0.1:{port}/api/settings", timeout=30).json() == [None, "2"]


def demo(azure: LocalAzure) -> DemoApps:
    return DemoApps(azure, azure.directory.application("aad-func"), 7071, 7072)


def test_urls_contain_the_ports(local_azure_server: LocalAzure):
    found = demo(local_azure_server)
    assert found.msi_url == "http://127.0.0.1:7071/api/msi-func"
    assert found.aad_url == "http://127.0.0.1:7072/api/aad-func"


def test_registration_trusts_the_identity_of_the_site(local_azure_server: LocalAzure, monkeypatch):
    apps = demo(local_azure_server)
    assert apps.registration_settings() == {
        "MSI_FUNC_CALL_MODES": "app,user",
        "MSI_FUNC_CLIENT_ID": "0b0f0001-c11d-4000-8000-000000000000",
        "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": "1de00003-c11d-4000-8000-000000000000",
    }
    untrusting = tuple(replace(app, federated_credentials=()) for app in local_azure_server.directory.applications)
    monkeypatch.setattr(local_azure_server.directory, "applications", untrusting)
    assert apps.registration_settings() == {}
