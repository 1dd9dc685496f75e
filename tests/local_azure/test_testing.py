"""The pytest plugin, in this process and in another project that installs the wheel."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import jwt
import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.apps import APP
from tests.support.installed import Installed
from tests.support.tenant_requests import API, changed_tenant_file, request_identity_token

FOREIGN_APPS = APP / "tests" / "support" / "foreign_apps"
SLOT = "msi-func/slots/staging"
DEVELOPER, GUARDED = "developer@local.example", "guarded@local.example"


def validated(tenant: LocalTenant, token: str, audience: str = API.removeprefix("api://")) -> dict:
    key = jwt.PyJWKClient(f"{tenant.authority}/discovery/v2.0/keys").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=tenant.issuer)


CLAIMS = [
    ("the first site by default", {}, {"oid": "1de00001-0b1d-4000-8000-000000000000", "roles": ["DoAll"]}),
    ("another site", {"site": SLOT}, {"oid": "1de00002-0b1d-4000-8000-000000000000", "roles": None}),
    ("a user", {"user": DEVELOPER}, {"scp": "user_impersonation", "roles": ["DoAll"], "amr": None}),
    ("a user with a second factor", {"user": GUARDED}, {"amr": ["pwd", "mfa"]}),
    ("an application", {"daemon": "nightly-job"}, {"azp": "dae00001-c11d-4000-8000-000000000000"}),
    ("other roles", {"roles": ["Orders.Read", "Orders.Write"]}, {"roles": ["Orders.Read", "Orders.Write"]}),
    ("no roles", {"roles": []}, {"roles": None}),
    ("other scopes", {"user": DEVELOPER, "scopes": ["a", "b"]}, {"scp": "a b"}),
    ("no scopes", {"user": DEVELOPER, "scopes": []}, {"scp": None}),
    ("replaced claims", {"claims": {"azp": "other", "tid": None}}, {"azp": "other", "tid": None}),
]


@pytest.mark.parametrize(("why", "options", "claims"), CLAIMS, ids=[case[0] for case in CLAIMS])
@pytest.mark.parametrize("audience", ["aad-func", API, API.removeprefix("api://")], ids=["name", "URI", "client ID"])
def test_token_has_the_claims_of_the_caller(why, options, claims, audience, local_azure: LocalTenant):
    found = validated(local_azure, local_azure.token(audience, **options))
    assert {name: found.get(name) for name in claims} == claims


DEFECTS = [
    ({"expired": True}, jwt.ExpiredSignatureError),
    ({"not_before": 600}, jwt.ImmatureSignatureError),
    ({"wrong_key": True}, jwt.InvalidSignatureError),
    ({"claims": {"aud": "another"}}, jwt.InvalidAudienceError),
]


@pytest.mark.parametrize(("options", "error"), DEFECTS, ids=[str(options) for options, _ in DEFECTS])
def test_token_has_the_requested_defect(options, error, local_azure: LocalTenant):
    with pytest.raises(error):
        validated(local_azure, local_azure.token("aad-func", **options))


MISTAKES = [
    (lambda tenant: tenant.token("nowhere"), "nowhere does not exist. Existing names: Microsoft Graph, aad-func, "),
    (lambda tenant: tenant.token("aad-func", site="a", user="b"), "specify only one of"),
    (lambda tenant: tenant.token("aad-func", user="ghost"), "ghost does not exist. Existing names: developer@"),
    (lambda tenant: tenant.token("aad-func", site="aad-func"), "the site aad-func has no system-assigned identity"),
    (
        lambda tenant: tenant.assign("DoAll", to=SLOT),
        "of= must name one application with the role DoAll, but 3 match.",
    ),
    (lambda tenant: tenant.assign("Other", to=SLOT), "of= must name one application with the role Other, but 0 match."),
    (
        lambda tenant: tenant.remove("DoAll", from_=SLOT, of="aad-func"),
        "the role DoAll is not assigned to msi-func/slots/staging",
    ),
    (
        lambda tenant: tenant.faults.inject("nowhere", status=500),
        "nowhere is not an endpoint. Endpoints: msi, imds, metadata, keys, ",
    ),
]


@pytest.mark.parametrize(("use", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_invalid_argument_is_an_error_that_names_it(use, message, local_azure: LocalTenant):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        use(local_azure)


def test_client_libraries_use_the_environment(local_azure: LocalTenant, monkeypatch):
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "a developer's value")
    settings = local_azure.environment(SLOT)
    with DefaultAzureCredential() as credential:
        assert "roles" not in validated(local_azure, credential.get_token(f"{API}/.default").token)
    assert settings["IDENTITY_HEADER"] == "local-only-msi-func-staging"
    assert local_azure.requests == {"msi": 1, "imds": 0, "metadata": 0, "keys": 1, "token": 0, "graph": 0}


def test_assigned_role_takes_effect_when_the_clock_is_advanced(local_azure: LocalTenant):
    settings = local_azure.environment(SLOT)

    def roles() -> list[str]:
        query = {"api-version": "2019-08-01", "resource": API}
        headers = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]}
        response = requests.get(settings["IDENTITY_ENDPOINT"], params=query, headers=headers, timeout=10)
        return validated(local_azure, response.json()["access_token"]).get("roles", [])

    assert roles() == []
    local_azure.assign("DoAll", to=SLOT, of="aad-func")
    assert roles() == []
    local_azure.clock.advance(24 * 3600)
    assert roles() == ["DoAll"]
    local_azure.remove("DoAll", from_=SLOT, of="aad-func")
    local_azure.clock.advance(24 * 3600)
    assert roles() == []


def test_new_key_signs_and_tokens_of_the_old_key_remain_valid(local_azure: LocalTenant):
    old = local_azure.token("aad-func")
    kid = local_azure.rotate_keys()
    new = local_azure.token("aad-func")
    assert jwt.get_unverified_header(new)["kid"] == kid != jwt.get_unverified_header(old)["kid"]
    for token in (old, new):
        validated(local_azure, token)


def test_tokens_that_were_cached_before_the_test_are_cleared(local_azure_server: LocalAzure, request):
    request_identity_token(local_azure_server)
    request.getfixturevalue("local_azure")
    assert local_azure_server.token_cache.clear() == 0


def test_client_libraries_fail_with_injected_faults(local_azure: LocalTenant):
    local_azure.environment()
    local_azure.faults.inject("msi", status=400, count=1)
    with DefaultAzureCredential() as credential, pytest.raises(HttpResponseError):
        credential.get_token(f"{API}/.default")
    local_azure.faults.clear()


RESET = """
import os
import time

import jwt
import requests

kids = []

def token(tenant):
    value = tenant.token("aad-func")
    kids.append(jwt.get_unverified_header(value)["kid"])
    return jwt.decode(value, options={"verify_signature": False})

def test_changes_everything(local_azure):
    local_azure.environment()
    local_azure.remove("DoAll", from_="msi-func", of="aad-func")
    local_azure.rotate_keys()
    local_azure.clock.advance(1_000_000)
    local_azure.faults.inject("keys", status=500)
    tenant = local_azure.authority.rpartition("/")[0]
    headers = {"Authorization": "Bearer " + local_azure.token("Microsoft Graph")}
    group = {"displayName": "x", "mailNickname": "x", "mailEnabled": False, "securityEnabled": True}
    assert requests.post(tenant + "/v1.0/groups", json=group, headers=headers, timeout=10).status_code == 201
    assert "roles" not in token(local_azure)

def test_everything_is_undone(local_azure):
    assert "IDENTITY_ENDPOINT" not in os.environ
    assert token(local_azure)["roles"] == ["DoAll"]
    assert len(set(kids)) == 2
    assert local_azure.clock() - time.time() < 1000
    assert requests.get(local_azure.authority + "/discovery/keys", timeout=10).status_code == 200
    assert local_azure.requests["keys"] == 1
    tenant = local_azure.authority.rpartition("/")[0]
    headers = {"Authorization": "Bearer " + local_azure.token("Microsoft Graph")}
    groups = requests.get(tenant + "/v1.0/groups", headers=headers, timeout=10).json()["value"]
    assert [group["displayName"] for group in groups] == ["developers"]
"""


def run_pytest(installed: Installed, folder: Path, *arguments: str) -> str:
    # Without pytest-randomly, because a test after another one shows what was undone, and without Hypothesis, which
    # takes a second to load.
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest")
    done = installed.python("-m", "pytest", *options, *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_changes_are_undone_after_each_test(installed: Installed, tmp_path: Path):
    (tmp_path / "test_reset.py").write_text(RESET)
    assert "2 passed" in run_pytest(installed, tmp_path)


def test_tenant_file_is_replaced_by_a_fixture(installed: Installed, tmp_path: Path):
    changed_tenant_file(tmp_path, "sites/0/name", "shop")
    (tmp_path / "test_shop.py").write_text(
        "import pathlib, pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def local_azure_tenant_file(): return pathlib.Path('tenant.json')\n"
        "def test_site(local_azure): local_azure.environment('shop')\n"
    )
    assert "1 passed" in run_pytest(installed, tmp_path)


README = (APP / "local_azure" / "README.md").read_text("utf-8")
FOREIGN = [
    ("jwt", re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]),
    ("fastapi_azure_auth", (FOREIGN_APPS / "check_fastapi_app.py").read_text()),
]


@pytest.mark.parametrize(("library", "test"), FOREIGN, ids=[case[0] for case in FOREIGN])
def test_tests_of_another_project_need_less_than_10_lines(library, test, installed: Installed, tmp_path: Path):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is installed with requirements-bench.txt")
    without_the_app = re.sub(r"def caller\(.*?\n\n", "", test, flags=re.DOTALL)
    assert len([line for line in without_the_app.splitlines() if line]) < 10
    shutil.copy(FOREIGN_APPS / "fastapi_app.py", tmp_path)
    (tmp_path / "test_app.py").write_text(test)
    assert "1 passed" in run_pytest(installed, tmp_path)


def test_importing_the_plugin_does_not_import_the_server(installed: Installed):
    script = "import json, sys, pytest, local_azure.testing; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(installed.python("-c", script).stdout)
    assert not {"starlette", "uvicorn", "cryptography", "jwt"} & set(modules)


def test_conftest_can_name_the_installed_plugin(installed: Installed, tmp_path: Path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["local_azure.testing"]')
    (tmp_path / "test_tenant.py").write_text("def test_token(local_azure): assert local_azure.token('aad-func')")
    assert "1 passed in" in run_pytest(installed, tmp_path)  # without warnings
