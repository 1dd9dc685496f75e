"""python -m tools.doctor: each diagnosis by really breaking that thing."""

import contextlib
import email.utils
import time
from collections.abc import Iterator

import pytest

from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from tests.support import apps
from tests.support.apps import Host
from tests.support.forge import CALLER
from tests.support.scripted import HANG, Scripted, as_json, http
from tests.support.tool import Ended, run

OTHER = "aad00003-c11d-4000-8000-000000000000"


@contextlib.contextmanager
def broken(azure: LocalAzure, *, site: str = "msi-func", gone: tuple[str, ...] = (), **changes: str) -> Iterator[Host]:
    """Both functions in one host, with some settings changed and some gone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/aad-func"
    settings = {**apps.aad_settings(azure), **apps.msi_settings(azure, url, site=site), **changes}
    with apps.running({name: value for name, value in settings.items() if name not in gone}, port=port) as host:
        yield host


def examine(host: Host, *arguments: str) -> Ended:
    return run("doctor", host.url("msi-func"), *arguments)


def test_all_is_well_where_all_is_well(msi_host: Host, aad_host: Host):
    ended = examine(msi_host, "--aad", aad_host.url("aad-func"))
    assert ended.code == 0, ended.out
    assert "All is well." in ended.out
    assert "failed" not in ended.out


def test_without_the_url_of_aad_func_it_says_what_was_not_checked(msi_host: Host):
    ended = examine(msi_host)
    assert (ended.code, ended.state("forged")) == (1, "not checked")
    assert "not checked: direct, forged" in ended.out


DIAGNOSES = [
    ("a setting of msi-func is missing", {"gone": ("AAD_FUNC_SCOPE",)}, "settings", "AAD_FUNC_SCOPE"),
    ("a setting of aad-func is missing", {"gone": ("ENTRA_TENANT_ID",)}, "settings", "ENTRA_TENANT_ID"),
    ("only users may call", {"MSI_FUNC_CALL_MODES": "user"}, "identity", "user's access token"),
    ("no identity", {"site": "aad-func"}, "identity", "system-assigned"),
    ("aad-func is down", {"AAD_FUNC_URL": "http://127.0.0.1:9/api/aad-func"}, "called", "AAD_FUNC_URL"),
    ("aad-func is disabled", {"AzureWebJobs.aad_func.Disabled": "true"}, "called", "404"),
    ("the audiences differ", {"AAD_FUNC_CLIENT_ID": OTHER}, "audience", "another API"),
    (
        "another tenant",
        {"ENTRA_TENANT_ID": "10ca1000-0000-4000-8000-00000000000f"},
        "validated",
        "signing_keys_unavailable",
    ),
    ("the role is missing", {"site": "msi-func/slots/staging"}, "role", "tools.roles assign"),
    ("the caller is not on the list", {"AAD_FUNC_ALLOWED_CALLERS": OTHER}, "role", "AAD_FUNC_ALLOWED_CALLERS"),
]


@pytest.mark.parametrize(("why", "changes", "link", "hint"), DIAGNOSES, ids=[case[0] for case in DIAGNOSES])
def test_the_broken_link_is_named_with_what_to_do(why, changes, link, hint, azure: LocalAzure):
    with broken(azure, **{"AAD_FUNC_TIMEOUT_SECONDS": "4", **changes}) as host:
        ended = examine(host)
    assert (ended.code, ended.state(link)) == (1, "failed")
    assert hint in ended.out
    assert "Do first:" in ended.out
    links = ["reachable", "settings", "identity", "called", "validated", "audience", "role"]
    after = links[links.index(link) + 1 :]
    assert {ended.state(name) for name in links[: links.index(link)]} <= {"ok"}
    assert {ended.state(name) for name in after} <= {"not checked"}


@pytest.mark.parametrize(("status", "link"), [(401, "validated"), (500, "called"), (503, "called")])
def test_an_answer_without_a_code_is_a_refusal_or_a_failure(status: int, link: str, azure: LocalAzure):
    with Scripted(lambda request: http(status)) as api, broken(azure, AAD_FUNC_URL=api.origin) as host:
        ended = examine(host)
    assert ended.state(link) == "failed"
    assert ("Easy Auth refused" in ended.out) == (status == 401)
    assert ("log of aad-func" in ended.out) == (status >= 500)


ELSEWHERE = [
    ("nothing listens", None, "Check the URL"),
    ("404", http(404), "Check the path"),
    ("a function key is wanted", http(401), "MSI_FUNC_KEY"),
    ("another site", http(200, b"<html>", Content_Type="text/html"), "not as msi-func does"),
    ("a crash", http(500), "the app's log"),
]


@pytest.mark.parametrize(("why", "reply", "hint"), ELSEWHERE, ids=[case[0] for case in ELSEWHERE])
def test_a_url_that_leads_elsewhere_is_noticed(why, reply, hint):
    if reply is None:
        ended = run("doctor", "http://127.0.0.1:9/api/msi-func")
    else:
        with Scripted(lambda request: reply) as site:
            ended = run("doctor", f"{site.origin}/api/msi-func")
    assert (ended.code, ended.state("reachable")) == (1, "failed")
    assert hint in ended.out


def test_easy_auths_refusal_is_told_from_the_codes():
    refusal = as_json(502, {"code": "downstream_error", "downstream": {"status": 401}})
    with Scripted(lambda request: refusal) as site:
        ended = run("doctor", site.origin)
    assert (ended.code, ended.state("validated")) == (1, "failed")
    assert "Easy Auth" in ended.out


def test_an_open_aad_func_is_an_alarm(msi_host: Host):
    with Scripted(lambda request: as_json(200, {"caller": {}})) as open_api:
        ended = examine(msi_host, "--aad", open_api.origin)
    assert (ended.code, ended.state("direct"), ended.state("forged")) == (1, "failed", "failed")
    assert "it believes anybody" in ended.out


@pytest.mark.parametrize("role", ["DoAll", "Other"])
def test_an_aad_func_that_believes_a_forged_principal_is_an_alarm(role, azure: LocalAzure, msi_host: Host):
    """Easy Auth said to be on, and nothing in front: the hole that the check is for."""
    settings = {**apps.aad_settings(azure), **apps.EASY_AUTH, "AAD_FUNC_REQUIRED_ROLE": role}
    with apps.running(settings) as open_app:
        ended = examine(msi_host, "--aad", open_app.url("aad-func"))
    assert (ended.code, ended.state("direct"), ended.state("forged")) == (1, "ok", "failed")


def test_another_site_in_place_of_aad_func_is_no_alarm(msi_host: Host):
    with Scripted(lambda request: http(200, b"<html>", Content_Type="text/html")) as site:
        ended = examine(msi_host, "--aad", site.origin)
    assert (ended.code, ended.state("direct"), ended.state("forged")) == (1, "not checked", "not checked")
    assert "is that aad-func?" in ended.out


def test_the_urls_the_wrong_way_round_are_noticed(aad_host: Host):
    ended = run("doctor", aad_host.url("aad-func"))
    assert (ended.code, ended.state("reachable")) == (1, "failed")
    assert "msi-func's is wanted" in ended.out


def test_a_clock_that_is_off_is_noticed():
    late = email.utils.formatdate(time.time() - 3600, usegmt=True)
    with Scripted(lambda request: as_json(200, {"caller": {}, "roles": ["DoAll"]}, Date=late)) as site:
        ended = run("doctor", site.origin)
    assert (ended.code, ended.state("clock")) == (1, "failed")
    assert "-360" in ended.out


def test_the_function_key_goes_out_in_a_header_and_is_never_printed():
    key = "k" * 56
    with Scripted(lambda request: as_json(200, {"caller": {}, "roles": []})) as site:
        ended = run("doctor", site.origin, "--json", settings={"MSI_FUNC_KEY": key})
    assert {request.headers.get("x-functions-key") for request in site.requests} == {key}
    assert {request.method for request in site.requests} == {"GET"}
    assert len(site.requests) <= 4
    assert key not in ended.out + ended.err


@pytest.mark.parametrize("url", ["https://x.example/api/msi-func?code=key", "http://x.example/", "x"])
def test_a_key_in_the_url_or_an_unsafe_url_is_refused(url):
    ended = run("doctor", url)
    assert (ended.code, ended.out) == (2, "")
    assert "key=" not in ended.err


def test_the_role_of_the_caller_is_shown(azure: LocalAzure):
    with broken(azure, AAD_FUNC_ALLOWED_CALLERS=CALLER) as host:
        assert examine(host).state("role") == "ok"


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch):
    from tools import probe

    monkeypatch.setattr(probe, "SECONDS", 0.3)
    with Scripted(lambda request: HANG) as site:
        seen = probe.get(site.origin)
        probe.http.close()
    assert (seen.status, seen.code) == (0, "")
