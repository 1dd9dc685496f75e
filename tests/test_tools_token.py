"""python -m tools.token: the token that this machine gets, and what aad-func would say of it."""

import json
import re

import pytest

from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import CALLER, GONE, Forge
from tests.support.tool import Ended, run, run_process

SHARED = "1de00003-c11d-4000-8000-000000000000"


def settings(azure: LocalAzure, site: str = "msi-func") -> dict[str, str]:
    return {**apps.aad_settings(azure), **apps.msi_settings(azure, "http://127.0.0.1:9/", site=site)}


def judged(azure: LocalAzure, token: str, **changes: str) -> Ended:
    return run("token", "-", settings={**settings(azure), **changes}, stdin=token)


def test_all_is_well_with_the_identity_that_has_the_role(azure: LocalAzure):
    ended = run("token", settings=settings(azure))
    assert ended.code == 0
    assert "Token from managed identity for api://aad00002-c11d-4000-8000-000000000000/.default" in ended.out
    for check in ("signature", "issuer", "time", "tenant", "audience", "kind", "role"):
        assert ended.state(check) == "ok"
    assert re.search(r"expires in 23 h \d+ min", ended.out)
    assert "eyJ" not in ended.out + ended.err
    assert "\x1b" not in ended.out


def test_an_identity_without_the_role_is_told_how_to_get_it(azure: LocalAzure):
    ended = run("token", "--identity", SHARED, settings=settings(azure))
    assert (ended.code, ended.state("role")) == (1, "failed")
    assert "python -m tools.roles assign --api aad00002" in ended.out
    assert "24 hours" in ended.out


def test_raw_prints_the_token_alone_and_aad_func_takes_it(azure: LocalAzure, aad_host: Host):
    import requests

    ended = run_process("token", "--raw", settings=settings(azure))
    assert (ended.code, ended.err) == (0, "")
    headers = {"Authorization": f"Bearer {ended.out.strip()}"}
    assert requests.get(aad_host.url("aad-func"), headers=headers, timeout=30).status_code == 200


def test_json_is_for_scripts(azure: LocalAzure):
    told = json.loads(run("token", "--json", settings=settings(azure)).out)
    assert told["claims"]["roles"] == ["DoAll"]
    assert {verdict["state"] for verdict in told["verdicts"]} == {"ok"}


JUDGED = [
    ("another API's", {"aud": "aad00003-c11d-4000-8000-000000000000"}, "audience"),
    ("another tenant's issuer", {"iss": "https://login.microsoftonline.com/x/v2.0"}, "issuer"),
    ("another tenant's tid", {"tid": "10ca1000-0000-4000-8000-00000000000f"}, "tenant"),
    ("expired", {"exp": 1_700_000_000}, "time"),
    ("not valid yet", {"nbf": 9_000_000_000}, "time"),
    ("an ID token", {"sub": "pairwise", "roles": GONE}, "kind"),
    ("without the role", {"roles": ["doall"]}, "role"),
]


@pytest.mark.parametrize(("why", "changes", "check"), JUDGED, ids=[case[0] for case in JUDGED])
def test_a_token_from_elsewhere_is_judged_as_aad_func_would(why, changes, check, azure: LocalAzure, forge: Forge):
    ended = judged(azure, forge.token(**changes))
    assert (ended.code, ended.state(check)) == (1, "failed")
    assert "->" in ended.out


def test_a_users_token_needs_the_scope_too(azure: LocalAzure, forge: Forge):
    good, bad = judged(azure, forge.token(user=True)), judged(azure, forge.token(user=True, scp="other"))
    assert (good.code, good.state("scope")) == (0, "ok")
    assert (bad.code, bad.state("scope")) == (1, "failed")


def test_a_forged_signature_is_noticed(azure: LocalAzure, forge: Forge):
    token = forge.token().rpartition(".")[0] + "." + forge.token(nbf=GONE).rpartition(".")[2]
    ended = judged(azure, token)
    assert (ended.code, ended.state("signature")) == (1, "failed")


def test_what_cannot_be_checked_here_is_said_and_is_no_failure(azure: LocalAzure, forge: Forge):
    ended = run("token", "-", "--scope", "api://aad00002-c11d-4000-8000-000000000000/.default", stdin=forge.token())
    assert (ended.code, ended.state("signature"), ended.state("audience")) == (0, "not checked", "ok")
    assert "ENTRA_TENANT_ID is not set" in ended.out


def test_a_claim_cannot_move_the_cursor(azure: LocalAzure, forge: Forge):
    ended = judged(azure, forge.token(name="\x1b[2J\x07evil"))
    assert "\x1b" not in ended.out
    assert "\\x1b[2J\\x07evil" in ended.out


def test_a_caller_that_is_not_on_the_list_is_told_so(azure: LocalAzure, forge: Forge):
    ended = judged(azure, forge.token(), AAD_FUNC_ALLOWED_CALLERS=SHARED)
    assert (ended.code, ended.state("caller")) == (1, "failed")
    assert judged(azure, forge.token(), AAD_FUNC_ALLOWED_CALLERS=CALLER).state("caller") == "ok"


@pytest.mark.parametrize("setting", [{"AAD_FUNC_REQUIRED_ROLE": ""}, {"ENTRA_AUTHORITY": "http://evil.example"}])
def test_settings_that_aad_func_would_refuse_are_not_judged_by(setting, azure: LocalAzure, forge: Forge):
    ended = judged(azure, forge.token(), **setting)
    assert (ended.code, ended.out) == (3, "")
    assert "misconfigured" in ended.err


SHAPES = ['{"Values": []}', '{"Values": null}', '{"Values": {"A_": "\\u0000"}}', "[]", "{"]


@pytest.mark.parametrize("content", SHAPES)
def test_local_settings_of_another_shape_are_one_sentence(content, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys):
    from tools import console

    (tmp_path / "local.settings.json").write_text(content)
    monkeypatch.chdir(tmp_path)
    assert console.run(lambda: 0) == console.USAGE
    assert "local.settings.json" in capsys.readouterr().err


ERRORS = [
    ("no scope anywhere", (), "", 2, "No scope"),
    ("a scope of another form", ("--scope", "api://x"), "", 2, "<App ID URI>/.default"),
    ("no token", ("-",), "hello", 2, "no JSON web token"),
    ("nothing", ("-",), "", 2, "no JSON web token"),
    ("an unknown option", ("--nonsense",), "", 2, "unrecognized"),
]


@pytest.mark.parametrize(("why", "arguments", "stdin", "code", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_an_error_is_one_sentence_and_an_exit_code(why, arguments, stdin, code, message):
    ended = run("token", *arguments, stdin=stdin)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_no_token_at_all_says_why(azure: LocalAzure):
    ended = run("token", settings=settings(azure, site="aad-func"))
    assert (ended.code, ended.out) == (3, "")
    assert "no system-assigned identity" in ended.err


def test_help_has_examples_and_exit_codes():
    for tool in ("token", "doctor", "roles"):
        ended = run_process(tool, "--help")
        assert ended.code == 0
        assert "examples:" in ended.out
        assert "exit codes:" in ended.out
