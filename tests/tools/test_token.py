"""python -m tools.token: the token that this machine gets, and aad-func's verdict on it."""

import functools
import json
import re
from collections.abc import Callable

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support import apps, users
from tests.support.apps import Host
from tests.support.forge import CALLER, Forge
from tests.support.tool import Ended, run, run_process
from tools import console

Check = Callable[..., Ended]

SHARED = "1de00003-c11d-4000-8000-000000000000"


def settings(azure: LocalAzure, site: str = "msi-func") -> dict[str, str]:
    return {**apps.aad_settings(azure), **apps.msi_settings(azure, "http://127.0.0.1:9/", site=site)}


@pytest.fixture
def check(local_azure_server: LocalAzure) -> Check:
    """Return a function that runs the tool on a token, with changed settings."""

    def verdict(token: str, **changes: str) -> Ended:
        return run("token", "-", settings={**settings(local_azure_server), **changes}, stdin=token)

    return verdict


def test_token_of_the_identity_with_the_role_passes_every_check(local_azure_server: LocalAzure):
    ended = run("token", settings=settings(local_azure_server))
    assert ended.code == 0
    assert "Token from the managed identity for api://aad00002-c11d-4000-8000-000000000000/.default" in ended.out
    for code in ("bad_signature", "wrong_issuer", "token_expired", "wrong_tenant", "wrong_audience", "missing_role"):
        assert ended.state(code) == "ok"
    assert re.search(r"expires in 23 h \d+ min", ended.out)
    assert "eyJ" not in ended.out + ended.err
    assert "\x1b" not in ended.out


def test_identity_without_the_role_gets_the_command_that_assigns_it(local_azure_server: LocalAzure):
    ended = run("token", "--identity", SHARED, settings=settings(local_azure_server))
    assert (ended.code, ended.state("missing_role")) == (1, "failed")
    assert ended.step.startswith("python -m tools.roles assign --api aad00002")


def test_raw_prints_only_the_token_and_aad_func_accepts_it(local_azure_server: LocalAzure, aad_host: Host):
    import requests

    ended = run_process("token", "--raw", settings=settings(local_azure_server))
    assert (ended.code, ended.err) == (0, "")
    headers = {"Authorization": f"Bearer {ended.out.strip()}"}
    assert requests.get(aad_host.url("aad-func"), headers=headers, timeout=30).status_code == 200


def test_json_has_claims_checks_and_the_verdict(local_azure_server: LocalAzure):
    document = json.loads(run("token", "--json", settings=settings(local_azure_server)).out)
    assert document["claims"]["roles"] == ["DoAll"]
    assert {check["state"] for check in document["checks"]} == {"ok"}
    assert document["verdict"] is None
    document = json.loads(run("token", "--json", "--identity", SHARED, settings=settings(local_azure_server)).out)
    assert [check["code"] for check in document["checks"] if check["state"] == "failed"] == ["missing_role"]
    assert "tools.roles assign" in document["verdict"]["step"]


REJECTED = [
    ("for another API", {"claims": {"aud": "aad00003-c11d-4000-8000-000000000000"}}, "wrong_audience"),
    ("another tenant's issuer", {"claims": {"iss": "https://login.microsoftonline.com/x/v2.0"}}, "wrong_issuer"),
    ("another tenant's tid", {"claims": {"tid": "10ca1000-0000-4000-8000-00000000000f"}}, "wrong_tenant"),
    ("expired", {"expired": True}, "token_expired"),
    ("not valid yet", {"not_before": 3600}, "token_not_yet_valid"),
    ("an ID token", {"roles": [], "claims": {"sub": "pairwise", "idtyp": None}}, "not_an_access_token"),
    ("without the role", {"roles": ["doall"]}, "missing_role"),
    ("without a claim", {"claims": {"tid": None}}, "invalid_claims"),
    ("bound to a key", {"claims": {"cnf": {}}}, "unsupported_token"),
]


@pytest.mark.parametrize(("why", "defect", "code"), REJECTED, ids=[case[0] for case in REJECTED])
def test_pasted_token_gets_the_verdict_of_aad_func(
    why, defect, code, check: Check, local_azure: LocalTenant, aad_host: Host
):
    import requests

    token = local_azure.token("aad-func", **defect)
    ended = check(token)
    assert (ended.code, ended.state(code)) == (1, "failed")
    assert ended.step
    response = requests.get(aad_host.url("aad-func"), headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert response.json()["code"] == code


def test_user_token_also_needs_the_scope(check: Check, local_azure: LocalTenant):
    users_token = functools.partial(local_azure.token, "aad-func", user=users.DEVELOPER)
    accepted = check(users_token())
    rejected = check(users_token(scopes=["other"]))
    assert (accepted.code, accepted.state("missing_scope")) == (0, "ok")
    assert (rejected.code, rejected.state("missing_scope")) == (1, "failed")


def test_forged_signature_is_rejected(check: Check, local_azure: LocalTenant):
    ended = check(local_azure.token("aad-func", wrong_key=True))
    assert (ended.code, ended.state("bad_signature")) == (1, "failed")


def test_command_contains_nothing_of_an_unverified_token(local_azure_server: LocalAzure, local_azure: LocalTenant):
    token = local_azure.token("aad-func", wrong_key=True, roles=[], claims={"oid": SHARED, "sub": SHARED})
    for environment in (settings(local_azure_server), {}):
        ended = run("token", "-", settings=environment, stdin=token)
        assert ended.code == 1
        assert SHARED not in ended.step


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer  ", "Authorization: Bearer ", " \n"])
def test_pasted_header_is_accepted(prefix, check: Check, local_azure: LocalTenant):
    assert check(f"{prefix}{local_azure.token('aad-func')}\n").code == 0


SCOPE = "api://aad00002-c11d-4000-8000-000000000000/.default"


def test_check_with_a_missing_setting_is_skipped_with_the_reason(local_azure: LocalTenant):
    ended = run("token", "-", "--scope", SCOPE, stdin=local_azure.token("aad-func"))
    assert (ended.code, ended.state("bad_signature"), ended.state("wrong_audience")) == (0, "skipped", "ok")
    assert "ENTRA_TENANT_ID is not set" in ended.out
    ended = run("token", "-", stdin=local_azure.token("aad-func"))
    assert (ended.code, ended.state("wrong_audience")) == (0, "skipped")
    assert "AAD_FUNC_CLIENT_ID is not set" in ended.out
    assert run("token", "-", "--strict", stdin=local_azure.token("aad-func")).code == 4


def test_signature_check_is_skipped_if_the_keys_are_unavailable(check: Check, local_azure: LocalTenant):
    ended = check(local_azure.token("aad-func"), ENTRA_AUTHORITY="http://127.0.0.1:9")
    assert (ended.code, ended.state("bad_signature"), ended.state("missing_role")) == (0, "skipped", "ok")


def test_control_characters_of_a_token_are_escaped(check: Check, local_azure: LocalTenant):
    hostile = "\x1b[2J\x07ok       everything\u202e"
    claims = {"name": hostile, "aud": hostile, f"{hostile}\n": 1}
    ended = check(local_azure.token("aad-func", claims=claims))
    assert not re.search(r"[^\n -~]", ended.out + ended.err)
    assert "\\x1b[2J\\x07ok" in ended.out
    ended = check(local_azure.token("aad-func", claims={"name": hostile}), AAD_FUNC_REQUIRED_ROLE=hostile)
    assert not re.search(r"[^\n -~]", ended.out + ended.err)


def test_deeply_nested_claims_cause_no_traceback(local_azure_server: LocalAzure, forge: Forge):
    token = forge.sign(b'{"a":' * 900 + b"1" + b"}" * 900)
    for arguments in ((), ("--json",)):
        ended = run("token", "-", *arguments, settings=settings(local_azure_server), stdin=token)
        assert ended.code == 1


def test_caller_that_is_not_allowed_is_rejected(check: Check, local_azure: LocalTenant):
    ended = check(local_azure.token("aad-func"), AAD_FUNC_ALLOWED_CALLERS=SHARED)
    assert (ended.code, ended.state("caller_not_allowed")) == (1, "failed")
    ended = check(local_azure.token("aad-func"), AAD_FUNC_ALLOWED_CALLERS=CALLER)
    assert ended.state("caller_not_allowed") == "ok"


def test_role_of_the_setting_is_accepted(local_azure_server: LocalAzure):
    granted = {
        **settings(local_azure_server),
        "AAD_FUNC_ROLE_ASSIGNMENTS": "DoAll=1de00003-0b1d-4000-8000-000000000000",
    }
    ended = run("token", "--identity", SHARED, settings=granted)
    assert (ended.code, ended.state("missing_role")) == (0, "ok")
    assert "by AAD_FUNC_ROLE_ASSIGNMENTS" in ended.out


@pytest.mark.parametrize("setting", [{"AAD_FUNC_REQUIRED_ROLE": ""}, {"ENTRA_AUTHORITY": "http://evil.example"}])
def test_settings_that_misconfigure_aad_func_are_an_error(setting, check: Check, local_azure: LocalTenant):
    ended = check(local_azure.token("aad-func"), **setting)
    assert (ended.code, ended.out) == (2, "")
    assert "misconfigured" in ended.err


@pytest.mark.parametrize("version", [1, 2])
def test_new_role_is_found_before_it_is_visible(version: int, local_azure_server: LocalAzure, local_azure: LocalTenant):
    """The platform caches the token without the role for a day; another spelling of the resource is not cached."""
    api = f"aad0000{version}-c11d-4000-8000-000000000000"
    registration = "aad-func" if version == 2 else "aad-func-v1"
    slot = "msi-func/slots/staging"
    environment = {
        **apps.aad_settings(local_azure_server, registration),
        **apps.msi_settings(local_azure_server, "http://127.0.0.1:9/", site=slot, api=registration),
    }
    ended = run("token", settings=environment)
    assert ended.code == 1
    assert ended.verdict.startswith("The app role DoAll is not assigned to the application 1de00002-0b1d")
    assert ended.step == (
        f"python -m tools.roles assign --api {api} --identity 1de00002-0b1d-4000-8000-000000000000 --role DoAll"
    )
    assert run("roles", *ended.step.split()[3:], settings=local_azure_server.environment("deployment")).code == 0

    ended = run("token", settings=environment)
    assert (ended.code, ended.state("missing_role")) == (1, "failed")
    cause = r"The app role DoAll is assigned\. It takes effect by (\S+ )?\d\d:\d\d UTC at the latest"
    assert re.match(cause, ended.verdict)
    assert ("AAD_FUNC_SCOPE=" if version == 2 else "AAD_FUNC_ROLE_ASSIGNMENTS=DoAll=1de00002") in ended.step
    fresh = run("token", "--fresh", settings=environment)
    assert (fresh.code, fresh.state("missing_role")) == (0, "ok")
    assert "New token from the managed identity" in fresh.out
    assert run("token", settings=environment).code == 1  # still cached

    name, _, value = re.search(r"Set (\w+)(=)(\S+)", ended.step).groups()
    assert run("token", settings={**environment, name: value}).code == 0


MALFORMED = ['{"Values": []}', '{"Values": null}', '{"Values": {"A_": "\\u0000"}}', "[]", "{"]


@pytest.mark.parametrize("content", MALFORMED)
def test_error_about_malformed_local_settings_is_one_sentence(
    content, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys
):
    (tmp_path / "local.settings.json").write_text(content)
    monkeypatch.chdir(tmp_path)
    assert console.run(lambda: 0) == console.USAGE
    assert "local.settings.json" in capsys.readouterr().err


def test_application_credential_shows_the_token_of_the_app_registration(local_azure_server: LocalAzure):
    values = {**settings(local_azure_server), **users.ON_BEHALF_OF, "AAD_FUNC_CREDENTIAL": "application"}
    for options in ((), ("--fresh",)):
        ended = run("token", *options, "--json", settings=values)
        shown = json.loads(ended.out)
        assert (ended.code, shown["claims"]["azp"]) == (1, users.MSI_FUNC)
        assert shown["verdict"] is not None  # the registration has no role
    assert "from the app registration" in run("token", settings=values).out
    assert run("token", "--identity", users.IDENTITY, settings=values).out.startswith("Token from the managed identity")


ERRORS = [
    ("no scope", (), "", 2, "There is no scope"),
    ("an invalid scope", ("--scope", "api://x"), "", 2, "<App ID URI>/.default"),
    ("not a token", ("-",), "hello", 2, "not a JSON Web Token"),
    ("empty input", ("-",), "", 2, "not a JSON Web Token"),
    ("an unknown option", ("--nonsense",), "", 2, "unrecognized"),
]


@pytest.mark.parametrize(("why", "arguments", "stdin", "code", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_error_is_one_sentence_and_an_exit_code(why, arguments, stdin, code, message):
    ended = run("token", *arguments, stdin=stdin)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_unavailable_token_is_reported_with_its_cause(local_azure_server: LocalAzure):
    ended = run("token", settings=settings(local_azure_server, site="aad-func"))
    assert (ended.code, ended.out) == (3, "")
    assert "no system-assigned identity" in ended.err


def test_developer_sees_the_scope_and_the_reason_of_each_credential(local_azure_server: LocalAzure):
    values = {"AZURE_CLIENT_ID": CALLER, "AZURE_CLIENT_SECRET": "s" * 40, "AZURE_TENANT_ID": "x/y"}
    for environment in ({"AZURE_TOKEN_CREDENTIALS": "dev"}, values):
        ended = run("token", "--scope", SCOPE, settings=environment)
        assert (ended.code, ended.out) == (3, "")
        assert SCOPE in ended.err
        assert "s" * 40 not in ended.err
    ended = run("token", "--scope", SCOPE, settings={"AZURE_TOKEN_CREDENTIALS": "dev"})
    for credential in ("AzureCliCredential", "AzureDeveloperCliCredential"):
        assert re.search(rf"^  {credential}: .+", ended.err, re.MULTILINE)
