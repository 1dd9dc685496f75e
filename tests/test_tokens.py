"""Tokens: which credential, one request for all, kept while valid, and for each failure a cause to act on."""

import json
import logging
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msi_func.tokens import TokenSource, tokens

from common.problems import MISSING_DEPENDENCY, Problem
from local_azure.cloud import LocalAzure
from msi_func import causes, credentials
from tests.support.caller import SCOPE, Caller, caller, made_up_token, token_reply
from tests.support.scripted import CLOSE, HANG, RESET, Reply, Scripted, as_json, dripping, http, in_turn

__all__ = ["caller"]

SHARED = "1de00003-c11d-4000-8000-000000000000"
TOKEN = made_up_token("token")


def failure(source: TokenSource, seconds: float = 10) -> Problem:
    with pytest.raises(Problem) as raised:
        source.get(seconds)
    assert raised.value.code == "token_unavailable"
    return raised.value


class Clock:
    """Seconds since 1970 that pass only when told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def platform_says(status: int, message: str) -> Reply:
    return as_json(status, {"statusCode": status, "message": message, "correlationId": "0"})


NO_IDENTITY = platform_says(400, "Unable to load the proper Managed Identity.")
GENERAL = platform_says(500, "An unexpected error occured while fetching the AAD Token.")
REFUSALS = [
    ("no system-assigned identity", NO_IDENTITY, None, causes.NO_SYSTEM_IDENTITY, 400),
    ("the identity is not attached", NO_IDENTITY, SHARED, causes.NOT_ATTACHED, 400),
    ("unknown API, or assignment required", GENERAL, None, causes.NOT_GIVEN, 500),
    ("the secret is not accepted", platform_says(401, "no"), None, causes.NOT_KNOWN, 401),
    ("asked too often", platform_says(429, "no"), None, causes.OVERLOADED, 429),
    ("overloaded", platform_says(503, "no"), None, causes.OVERLOADED, 503),
    ("a status of its own", platform_says(418, "no"), None, causes.NOT_UNDERSTOOD, 418),
    ("an OAuth error", as_json(400, {"error": "x", "error_description": "y"}), None, causes.NOT_UNDERSTOOD, None),
    ("garbage", http(200, b"<html>", Content_Type="text/html"), None, causes.NOT_UNDERSTOOD, None),
    ("garbage said to be JSON", http(200, b"{", Content_Type="application/json"), None, causes.NOT_UNDERSTOOD, None),
    ("nothing", http(200), None, causes.NOT_UNDERSTOOD, None),
    ("a date as expiry", token_reply(expires_on="9/14/2030 00:00:00 PM"), None, causes.NOT_UNDERSTOOD, None),
    ("no expiry", token_reply(expires_on=None), None, causes.NOT_UNDERSTOOD, None),
    ("an expired token", token_reply(seconds=-10), None, causes.EXPIRED, None),
    ("a connection that is reset", RESET, None, causes.NO_ANSWER, None),
    ("a connection that is closed", CLOSE, None, causes.NO_ANSWER, None),
]


@pytest.mark.parametrize(("why", "reply", "identity", "cause", "status"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_a_failing_endpoint_gives_a_cause_to_act_on(why, reply, identity, cause, status, caller: Caller):
    with Scripted(lambda request: reply) as endpoint:
        caller.asks(endpoint.origin)
        problem = failure(tokens(identity, SCOPE))
    assert problem.detail == cause
    assert problem.members.get("endpoint_status") == status
    assert problem.members["scope"] == SCOPE
    assert len(endpoint.requests) <= 1 + credentials.ENDPOINT_RETRIES
    if identity:
        assert f"client_id={identity}" in endpoint.requests[0].target


def test_the_platforms_refusals_are_recognised_from_local_azure(caller: Caller, azure: LocalAzure):
    caller.is_site(azure, "aad-func")  # a site without any identity
    assert failure(tokens(None, SCOPE)).detail == causes.NO_SYSTEM_IDENTITY
    caller.forget()
    caller.is_site(azure)
    assert failure(tokens("1de00002-c11d-4000-8000-000000000000", SCOPE)).detail == causes.NOT_ATTACHED
    assert failure(tokens(None, "api://unknown/.default")).detail == causes.NOT_GIVEN
    assert failure(tokens(SHARED, "api://aad00003-c11d-4000-8000-000000000000/.default")).detail == causes.NOT_GIVEN
    assert tokens(SHARED, SCOPE).get(10)


def test_an_endpoint_without_its_secret_says_so(caller: Caller):
    caller.set({"IDENTITY_ENDPOINT": "http://127.0.0.1:9/"})
    assert failure(tokens(None, SCOPE)).detail == causes.NO_HEADER


def test_an_endpoint_that_is_not_there_is_noticed_within_the_budget(caller: Caller):
    caller.asks("http://127.0.0.1:9/")
    start = time.monotonic()
    assert failure(tokens(None, SCOPE)).detail == causes.NO_ANSWER
    assert time.monotonic() - start < 10


LATE = [("hangs", HANG), ("drips its headers", dripping(token_reply()))]


@pytest.mark.parametrize(("why", "reply"), LATE, ids=[case[0] for case in LATE])
def test_an_endpoint_that_does_not_answer_costs_no_more_than_the_budget(why, reply, caller: Caller):
    with Scripted(lambda request: reply) as endpoint:
        caller.asks(endpoint.origin)
        start = time.monotonic()
        assert failure(tokens(None, SCOPE), seconds=0.3).detail == causes.NO_ANSWER
        assert time.monotonic() - start < credentials.ENDPOINT_TIMEOUT


def test_an_endpoint_that_hangs_after_a_failure_is_not_told_as_that_failure(caller: Caller):
    clock = Clock()
    with Scripted(in_turn(NO_IDENTITY, HANG)) as endpoint:
        caller.asks(endpoint.origin)
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        assert failure(source).detail == causes.NO_SYSTEM_IDENTITY
        clock.now += 4
        assert failure(source, seconds=0.3).detail == causes.NO_ANSWER


def test_a_token_that_comes_late_serves_the_next_call(caller: Caller):
    allowed = threading.Event()

    def late(request: object) -> Reply:
        allowed.wait(30)
        return token_reply()

    with Scripted(late) as endpoint:
        caller.asks(endpoint.origin)
        source = tokens(None, SCOPE)
        failure(source, seconds=0.1)
        allowed.set()
        assert source.get(30) == TOKEN
    assert len(endpoint.requests) == 1


def test_a_failure_is_shared_by_all_who_wait_and_by_those_who_come_right_after(caller: Caller):
    clock = Clock()
    with Scripted(lambda request: NO_IDENTITY) as endpoint:
        caller.asks(endpoint.origin)
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        with ThreadPoolExecutor(50) as pool:
            details = {problem.detail for problem in pool.map(lambda _: failure(source), range(100))}
        assert details == {causes.NO_SYSTEM_IDENTITY}
        assert len(endpoint.requests) == 1
        clock.now += 4
        endpoint.answer = lambda request: token_reply()
        assert source.get(30) == TOKEN
    assert len(endpoint.requests) == 2


def test_a_valid_token_survives_an_endpoint_that_fails(caller: Caller):
    clock = Clock()
    with Scripted(in_turn(token_reply(seconds=240), GENERAL)) as endpoint:  # 4 minutes: azure-identity asks each time
        caller.asks(endpoint.origin)
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        assert source.get(30) == TOKEN
        for _ in range(5):
            clock.now += 40
            assert source.get(30) == TOKEN
            renewal = source._request.join(may_start=lambda: False)
            if renewal:
                renewal.result(30)
        assert len(endpoint.requests) > 1
        clock.now += 60
        failure(source)


def test_a_token_is_renewed_from_half_of_its_life_on_without_a_wait(caller: Caller):
    clock, asked, allowed = Clock(), threading.Event(), threading.Event()

    def answer(request: object) -> Reply:
        if not asked.is_set():
            asked.set()
            return token_reply(mark="first")
        allowed.wait(30)
        return token_reply(mark="second", seconds=2 * 86_400)

    with Scripted(answer) as endpoint:
        caller.asks(endpoint.origin)
        # A new credential each time: one of azure-identity's remembers, and goes by the real clock.
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        assert source.get(30) == made_up_token("first")
        clock.now += 43_000
        assert source.get(30) == made_up_token("first")
        assert len(endpoint.requests) == 1
        clock.now += 400
        assert source.get(0) == made_up_token("first")
        renewal = source._request.join(may_start=lambda: False)
        allowed.set()
        assert renewal is not None
        renewal.result(30)
        assert source.get(0) == made_up_token("second")
    assert len(endpoint.requests) == 2


def test_on_a_desk_the_default_credential_says_what_was_tried(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    problem = failure(tokens(None, SCOPE))
    assert problem.detail == causes.DESK
    assert {"AzureCliCredential", "AzureDeveloperCliCredential", "AzurePowerShellCredential"} <= set(
        problem.members["tried"]
    )


def test_in_azure_without_any_identity_that_is_what_it_says(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    caller.set({"WEBSITE_INSTANCE_ID": "0123", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"})
    assert failure(tokens(None, SCOPE)).detail == causes.IDENTITY_OFF


def test_a_package_that_was_not_published_is_named():
    def credential() -> credentials.Credential:
        raise ModuleNotFoundError("No module named 'azure.identity'", name="azure.identity")

    problem = failure(TokenSource(credential, SCOPE))
    assert (problem.detail, problem.members["package"]) == (MISSING_DEPENDENCY, "azure.identity")


def test_a_choice_of_credentials_that_does_not_exist_is_said_plainly(caller: Caller):
    caller.set({"AZURE_TOKEN_CREDENTIALS": "MyCredential"})
    assert failure(tokens(None, SCOPE)).detail == causes.NOT_MADE


def test_a_signed_in_developer_gets_a_token_from_the_command_line(caller: Caller, tmp_path: Path):
    """The real AzureCliCredential, and a program called az that answers as az does."""
    answer = {"accessToken": TOKEN, "expires_on": int(time.time()) + 3600, "tenant": "t", "tokenType": "Bearer"}
    az = tmp_path / "az"
    az.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    caller.set({"PATH": f"{tmp_path}:{os.environ['PATH']}", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"})
    source = tokens(None, SCOPE)
    assert source.get(10) == TOKEN
    assert source.kind == "default credential"


def test_a_daemon_with_a_secret_gets_a_token_from_its_own_authority(caller: Caller, azure: LocalAzure):
    """The real EnvironmentCredential against the tenant over https; a private authority vouches for itself."""
    settings = azure.environment("msi-func")
    for name in ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "REQUESTS_CA_BUNDLE"):
        caller.set({name: settings[name]})
    caller.set(
        {"AZURE_CLIENT_ID": "dae00001-c11d-4000-8000-000000000000", "AZURE_CLIENT_SECRET": "local-only-nightly-job"}
    )
    source = tokens(None, SCOPE)
    assert source.get(10).count(".") == 2
    assert source.kind == "default credential"

    caller.forget()
    caller.set({"AZURE_CLIENT_SECRET": "wrong", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    problem = failure(tokens(None, SCOPE))
    assert problem.members["entra_codes"] == ["AADSTS7000215"]
    assert problem.members["tried"] == ["EnvironmentCredential"]


def test_a_machine_with_imds_gets_a_token_by_the_default_credential(caller: Caller):
    reply = {"access_token": TOKEN, "expires_in": "86400", "resource": SCOPE, "token_type": "Bearer"}
    with Scripted(lambda request: as_json(200, reply)) as imds:
        caller.set({"AZURE_POD_IDENTITY_AUTHORITY_HOST": imds.origin, "AZURE_TOKEN_CREDENTIALS": "prod"})
        assert tokens(SHARED, SCOPE).get(10) == TOKEN
    assert f"client_id={SHARED}" in imds.requests[-1].target


OPAQUE = "-opaque_" * 8
LEAKS = [
    ("a good answer", token_reply()),
    ("a broken answer said to be JSON", http(200, token_reply().data + b"}", Content_Type="application/json")),
    ("a broken answer of another type", http(200, b'{"access_token": "' + TOKEN.encode(), Content_Type="text/plain")),
    ("a token in a refusal", platform_says(400, TOKEN)),
    ("a date as expiry", token_reply(expires_on=TOKEN)),
    ("an opaque token", http(200, OPAQUE.encode(), Content_Type="application/json")),
]


@pytest.mark.parametrize(("why", "reply"), LEAKS, ids=[case[0] for case in LEAKS])
def test_no_part_of_a_token_is_logged_at_debug(why, reply, caller: Caller, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG), Scripted(lambda request: reply) as endpoint:
        for name in ("azure", "azure.identity", "msal", "urllib3", "msi_func"):
            caplog.set_level(logging.DEBUG, logger=name)
        caller.asks(endpoint.origin)
        source = tokens(None, SCOPE)
        if why == "a good answer":
            source.get(30)
        else:
            assert TOKEN not in json.dumps(failure(source).members)
    assert caplog.records
    for part in TOKEN.split("."):
        assert part[:20] not in caplog.text
    assert OPAQUE not in caplog.text


def test_an_endpoint_that_asks_for_patience_holds_nobody_up(caller: Caller):
    """azure-core would sleep for as long as Retry-After says, and all calls with it."""
    busy = as_json(429, {"statusCode": 429, "message": "no"}, Retry_After="3600")
    with Scripted(in_turn(busy, busy, token_reply())) as endpoint:
        caller.asks(endpoint.origin)
        clock = Clock()
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        start = time.monotonic()
        assert failure(source).detail == causes.OVERLOADED
        assert time.monotonic() - start < 30  # Retry-After says an hour
        clock.now += 4
        assert source.get(30) == TOKEN


def test_an_endpoint_that_hangs_once_is_asked_again_within_the_budget(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(credentials, "ENDPOINT_TIMEOUT", 2)
    with Scripted(in_turn(HANG, token_reply())) as endpoint:
        caller.asks(endpoint.origin)
        assert tokens(None, SCOPE).get(30) == TOKEN
    assert len(endpoint.requests) == 2


def test_a_clock_that_is_set_back_does_not_prolong_the_pause_after_a_failure(caller: Caller):
    clock, monotonic = Clock(), Clock()
    with Scripted(in_turn(NO_IDENTITY, token_reply())) as endpoint:
        caller.asks(endpoint.origin)
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=monotonic)
        failure(source)
        clock.now -= 3600
        monotonic.now += 4
        assert source.get(30) == TOKEN


def test_a_short_lived_token_is_neither_asked_for_at_each_call_nor_missed_at_its_end(caller: Caller):
    clock = Clock()
    with Scripted(in_turn(token_reply(seconds=100, mark="a"), token_reply(seconds=300, mark="b"))) as endpoint:
        caller.asks(endpoint.origin)
        source = TokenSource(lambda: credentials.credential_for(None), SCOPE, clock=clock, monotonic=clock)
        assert [source.get(30) for _ in range(20)] == [made_up_token("a")] * 20
        assert len(endpoint.requests) == 1
        clock.now += 100
        assert source.get(30) == made_up_token("b")


def test_the_identity_endpoint_is_asked_without_a_proxy(caller: Caller):
    with Scripted(lambda request: as_json(502, {})) as proxy, Scripted(lambda request: token_reply()) as endpoint:
        caller.set({"HTTP_PROXY": proxy.origin, "ALL_PROXY": proxy.origin})
        caller.asks(endpoint.origin)
        assert tokens(None, SCOPE).get(30) == TOKEN
    assert proxy.requests == []


def test_a_token_that_no_header_can_carry_is_not_understood(caller: Caller):
    with Scripted(lambda request: token_reply(access_token="tok\u00e9n")) as endpoint:
        caller.asks(endpoint.origin)
        assert failure(tokens(None, SCOPE)).detail == causes.NOT_UNDERSTOOD
