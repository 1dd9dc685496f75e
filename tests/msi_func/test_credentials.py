"""App tokens: credential selection, errors of identity endpoints, and secrets that must not be sent or logged."""

import asyncio
import gzip
import json
import logging
import os
import stat
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.credentials import AccessTokenInfo

from common.problems import Problem
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from msi_func import credentials, token_errors
from msi_func.credentials import AppIdentity
from msi_func.token_cache import TokenCache
from tests.support.caller import SCOPE, Caller, caller, token_reply, unsigned_token
from tests.support.clock import MUCH_LATER, Clock
from tests.support.large_response import LargeResponse, large_head
from tests.support.scripted import CLOSE, HANG, RESET, Reply, Request, Scripted, as_json, dripping, http, in_turn

__all__ = ["caller"]

SHARED = "1de00003-c11d-4000-8000-000000000000"
TOKEN = unsigned_token("token")
MEGABYTE = 1024 * 1024


def failure(caller: Caller, identity: str | None = None, scope: str = SCOPE) -> Problem:
    problem = caller.problem_of(AppIdentity(identity).get_token(scope))
    assert problem.code == "token_unavailable"
    return problem


def platform_error(status: int, message: str = "no", **headers: str) -> Reply:
    return as_json(status, {"statusCode": status, "message": message, "correlationId": "0"}, **headers)


def without(member: str) -> Reply:
    content = json.loads(token_reply().data.partition(b"\r\n\r\n")[2])
    del content[member]
    return as_json(200, content)


NO_IDENTITY = platform_error(400, "Unable to load the proper Managed Identity.")
GENERIC = platform_error(500, "An unexpected error occured while fetching the AAD Token.")
INVALID = token_errors.INVALID_RESPONSE
INCOMPLETE = Reply(token_reply().data[:-20], then="close")

ENDPOINT_ERRORS = [
    ("no system-assigned identity", NO_IDENTITY, None, token_errors.NO_SYSTEM_IDENTITY, 400),
    ("the identity is not attached", NO_IDENTITY, SHARED, token_errors.NOT_ATTACHED, 400),
    ("OAuth-style error", as_json(400, {"error": "x"}), None, token_errors.NO_SYSTEM_IDENTITY, 400),
    ("HTML error", http(400, b"<html>", Content_Type="text/html"), None, token_errors.NO_SYSTEM_IDENTITY, 400),
    ("error without content type", http(400, b"<html>"), None, INVALID, None),
    ("IDENTITY_HEADER is rejected", platform_error(401), None, token_errors.HEADER_REJECTED, 401),
    ("forbidden", platform_error(403), None, INVALID, 403),
    ("unknown API, or assignment required", GENERIC, None, token_errors.GENERIC_ERROR, 500),
    ("throttled", platform_error(429, Retry_After="3600"), None, token_errors.THROTTLED, 429),
    ("overloaded", platform_error(503, Retry_After="3600"), None, token_errors.THROTTLED, 503),
    ("unusual status", platform_error(418), None, INVALID, 418),
    ("no content", http(204), None, INVALID, None),
    ("empty", http(200), None, INVALID, None),
    ("HTML", http(200, b"<html>", Content_Type="text/html"), None, INVALID, None),
    ("malformed JSON", http(200, b"{", Content_Type="application/json"), None, INVALID, None),
    ("deeply nested JSON", http(200, b"[" * 100_000, Content_Type="application/json"), None, INVALID, None),
    ("not UTF-8", http(200, b"\xff\xfe{}", Content_Type="application/json; charset=x-none"), None, INVALID, None),
    ("JSON list", as_json(200, [TOKEN]), None, INVALID, None),
    ("JSON string", as_json(200, "access_token expires_on"), None, INVALID, None),
    ("JSON number", as_json(200, 5), None, INVALID, None),
    ("without access_token", without("access_token"), None, INVALID, None),
    ("without expires_on", without("expires_on"), None, INVALID, None),
    ("without resource", without("resource"), None, INVALID, None),
    ("null as expiry", token_reply(expires_on=None), None, INVALID, None),
    ("a date as expiry", token_reply(expires_on="9/14/2030 00:00:00 PM"), None, INVALID, None),
    ("a list as expiry", token_reply(expires_on=[1]), None, INVALID, None),
    ("a huge expiry", token_reply(expires_on="9" * 5000), None, INVALID, None),
    ("an expired token", token_reply(seconds=-10), None, token_errors.EXPIRED, None),
    ("null as token", token_reply(access_token=None), None, INVALID, None),
    ("a token that is not ASCII", token_reply(access_token="tok\u00e9n"), None, INVALID, None),
    ("a token with a line break", token_reply(access_token="a\r\nX: y"), None, INVALID, None),
    ("not HTTP", Reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", then="close"), None, token_errors.NO_RESPONSE, None),
    ("connection reset", RESET, None, token_errors.NO_RESPONSE, None),
    ("connection closed", CLOSE, None, token_errors.NO_RESPONSE, None),
    ("incomplete body", INCOMPLETE, None, INVALID, None),
]


@pytest.mark.parametrize(
    ("why", "reply", "identity", "cause", "status"), ENDPOINT_ERRORS, ids=[case[0] for case in ENDPOINT_ERRORS]
)
def test_endpoint_error_is_reported_with_its_cause(why, reply, identity, cause, status, caller: Caller):
    with Scripted(lambda request: reply) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        start = time.monotonic()
        problem = failure(caller, identity)
        assert time.monotonic() - start < MUCH_LATER  # azure-core would sleep for the hour in Retry-After
    assert problem.detail == cause
    assert problem.members == {"scope": SCOPE} | ({"endpoint_status": status} if status else {})
    # aiohttp repeats a GET if the connection is closed without a response.
    assert len(endpoint.requests) <= (1 + credentials.RETRIES) * (2 if reply in (RESET, CLOSE) else 1)
    assert ("client_id" in endpoint.requests[0].target) == bool(identity)
    assert endpoint.requests[0].headers["x-identity-header"] == "secret-of-this-test"


def test_endpoint_that_refuses_connections_is_reported(caller: Caller):
    caller.uses_endpoint("http://127.0.0.1:9/")
    assert failure(caller).detail == token_errors.NO_RESPONSE


def test_endpoint_without_its_header_is_reported(caller: Caller):
    caller.set({"IDENTITY_ENDPOINT": "http://127.0.0.1:9/"})
    assert failure(caller).detail == token_errors.NO_HEADER


def test_redirect_is_not_followed(caller: Caller):
    with Scripted(lambda request: token_reply()) as other:
        redirect = http(302, Location=f"{other.origin}/token")
        with Scripted(lambda request: redirect) as endpoint:
            caller.uses_endpoint(endpoint.origin)
            assert failure(caller).detail == INVALID
    assert other.requests == []


SLOW = [
    ("no response", HANG),
    ("headers sent byte by byte", dripping(token_reply())),
    ("incomplete body, then hang", Reply(INCOMPLETE.data, then="hang")),
]


@pytest.mark.parametrize(("why", "reply"), SLOW, ids=[case[0] for case in SLOW])
def test_slow_endpoint_ends_at_its_time_limit(why, reply, caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(credentials, "ENDPOINT_TIME_LIMIT", 0.3)
    with Scripted(lambda request: reply) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        start = time.monotonic()
        assert failure(caller).detail == token_errors.NO_RESPONSE
        assert time.monotonic() - start < credentials.ATTEMPT_TIMEOUT


def test_time_limit_exceeds_that_of_all_attempts():
    assert credentials.ENDPOINT_TIME_LIMIT > (1 + credentials.RETRIES) * credentials.ATTEMPT_TIMEOUT


def test_endpoint_that_hangs_once_is_retried(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(credentials, "ATTEMPT_TIMEOUT", 1)
    with Scripted(in_turn(HANG, token_reply())) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        assert caller.run(AppIdentity().get_token(SCOPE)) == TOKEN
    assert len(endpoint.requests) == 2


def test_call_with_a_hanging_endpoint_ends_at_its_time_limit_and_the_late_token_serves_the_next(caller: Caller):
    is_slow = True

    def respond(request: Request) -> Reply:
        while is_slow:
            time.sleep(0.01)
        return token_reply()

    with Scripted(respond) as endpoint, Scripted(lambda request: as_json(200, {})) as api:
        caller.uses_endpoint(endpoint.origin)
        client = caller.api(api.origin)
        start = time.monotonic()
        problem = caller.problem_of(client.get(timeout=0.3))
        assert time.monotonic() - start < 3
        assert (problem.code, problem.detail) == ("token_unavailable", token_errors.NO_RESPONSE)
        is_slow = False
        assert caller.run(client.get()).status == 200
    assert len(endpoint.requests) == 1
    assert api.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_throttled_endpoint_does_not_block_callers(caller: Caller):
    busy, clock = platform_error(429, Retry_After="3600"), Clock()
    with Scripted(in_turn(busy, busy, token_reply())) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        cache = TokenCache(clock=clock, monotonic=clock)
        start = time.monotonic()
        problem = caller.problem_of(cache.get(lambda: AppIdentity().request_token(SCOPE)))
        assert problem.detail == token_errors.THROTTLED
        clock.advance(seconds=3)
        assert caller.run(cache.get(lambda: AppIdentity().request_token(SCOPE))) == TOKEN
        assert time.monotonic() - start < MUCH_LATER


def test_200_cold_calls_make_one_token_request(caller: Caller):
    async def calls() -> list[str]:
        return await asyncio.gather(*(AppIdentity().get_token(SCOPE) for _ in range(200)))

    with Scripted(lambda request: token_reply()) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        assert caller.run(calls()) == [TOKEN] * 200
    assert len(endpoint.requests) == 1


def test_200_cold_calls_share_one_failure(caller: Caller):
    async def calls() -> list[str | BaseException]:
        return await asyncio.gather(*(AppIdentity().get_token(SCOPE) for _ in range(200)), return_exceptions=True)

    with Scripted(lambda request: NO_IDENTITY) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        assert {str(problem) for problem in caller.run(calls())} == {"token_unavailable"}
    assert len(endpoint.requests) == 1


def test_each_identity_and_scope_has_its_own_token(caller: Caller):
    other = "api://other/.default"

    def respond(request: Request) -> Reply:
        return token_reply(mark=request.target.partition("?")[2])

    with Scripted(respond) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        wanted = [(None, SCOPE), (SHARED, SCOPE), (None, other), (SHARED, other)]
        tokens = [caller.run(AppIdentity(one[0]).get_token(one[1])) for one in wanted]
        assert [caller.run(AppIdentity(one[0]).get_token(one[1])) for one in wanted] == tokens
    assert len(set(tokens)) == len(endpoint.requests) == 4


def traced_peak(work: Callable[[], object]) -> int:
    """Return the peak of allocated memory during `work`, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_300_megabyte_response_is_cut_off(caller: Caller):
    with LargeResponse(lambda request: large_head(300), megabytes=300) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        peak = traced_peak(lambda: failure(caller))
        assert failure(caller).detail == INVALID
        # Sent bytes include those in the sockets' buffers.
        assert endpoint.sent_bytes < 30 * MEGABYTE
    assert peak < 10 * MEGABYTE


def test_gzip_bomb_is_cut_off(caller: Caller):
    bomb = http(200, gzip.compress(bytes(100 * MEGABYTE)), Content_Encoding="gzip", Content_Type="application/json")
    with Scripted(lambda request: bomb) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        peak = traced_peak(lambda: failure(caller))
        assert failure(caller).detail == INVALID
    assert peak < 10 * MEGABYTE


def test_compressed_token_is_accepted(caller: Caller):
    body = gzip.compress(token_reply().data.partition(b"\r\n\r\n")[2])
    reply = http(200, body, Content_Encoding="gzip", Content_Type="application/json")
    with Scripted(lambda request: reply) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        assert caller.run(AppIdentity().get_token(SCOPE)) == TOKEN


def test_endpoint_is_never_called_through_a_proxy(caller: Caller):
    with Scripted(lambda request: as_json(502, {})) as proxy, Scripted(lambda request: token_reply()) as endpoint:
        caller.set(dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), proxy.origin))
        caller.uses_endpoint(endpoint.origin)
        assert caller.run(AppIdentity().get_token(SCOPE)) == TOKEN
    assert proxy.requests == []


def test_netrc_credentials_never_reach_the_endpoint(caller: Caller, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password netrc-password\ndefault login x password y\n")
    caller.set({"NETRC": str(netrc)})
    with Scripted(lambda request: token_reply()) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        caller.run(AppIdentity().get_token(SCOPE))
    assert "authorization" not in endpoint.requests[0].headers


def test_causes_are_recognized_in_responses_of_local_azure(caller: Caller, local_azure: LocalTenant):
    local_azure.environment("aad-func")  # a site without any identity
    assert failure(caller).detail == token_errors.NO_SYSTEM_IDENTITY
    caller.restart()
    local_azure.environment()
    not_attached = "1de00002-c11d-4000-8000-000000000000"
    assignment_required = "api://aad00003-c11d-4000-8000-000000000000/.default"
    assert failure(caller, not_attached).detail == token_errors.NOT_ATTACHED
    assert failure(caller, scope="api://unknown/.default").detail == token_errors.GENERIC_ERROR
    assert failure(caller, SHARED, assignment_required).detail == token_errors.GENERIC_ERROR
    assert caller.run(AppIdentity(SHARED).get_token(SCOPE))
    assert AppIdentity().kind == "managed identity"


def test_developer_without_sign_in_is_advised_to_sign_in(caller: Caller):
    caller.set({"PATH": "", "AZURE_TOKEN_CREDENTIALS": "dev"})
    assert failure(caller).detail == token_errors.SIGN_IN


def test_on_azure_without_any_identity_the_missing_identity_is_reported(caller: Caller):
    caller.set({"PATH": "", "WEBSITE_INSTANCE_ID": "0123", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"})
    assert failure(caller).detail == token_errors.NO_IDENTITY


def test_unknown_name_in_azure_token_credentials_is_reported(caller: Caller):
    caller.set({"AZURE_TOKEN_CREDENTIALS": "MyCredential"})
    assert failure(caller).detail == token_errors.NO_CREDENTIAL


def use_az(caller: Caller, folder: Path, script: str) -> None:
    """Create a program called az, and make AzureCliCredential use it."""
    az = folder / "az"
    az.write_text(f"#!/bin/sh\n{script}\n")
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    caller.set({"PATH": f"{folder}:{os.environ['PATH']}", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"})


def test_signed_in_developer_gets_a_token_from_the_azure_cli(caller: Caller, tmp_path: Path):
    output = {"accessToken": TOKEN, "expires_on": int(time.time()) + 3600, "tenant": "t", "tokenType": "Bearer"}
    use_az(caller, tmp_path, f"echo '{json.dumps(output)}'")
    assert caller.run(AppIdentity().get_token(SCOPE)) == TOKEN
    assert AppIdentity().kind == "default credential"


def test_hanging_sign_in_ends_at_its_time_limit(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(credentials, "SIGN_IN_TIME_LIMIT", 0.5)
    with Scripted(lambda request: HANG) as imds:
        caller.set({"AZURE_POD_IDENTITY_AUTHORITY_HOST": imds.origin, "AZURE_TOKEN_CREDENTIALS": "prod"})
        start = time.monotonic()
        assert failure(caller).detail == token_errors.SIGN_IN_TIMEOUT
        assert time.monotonic() - start < MUCH_LATER
    assert imds.requests


def test_daemon_with_a_secret_gets_a_token_from_its_own_authority(caller: Caller, local_azure_server: LocalAzure):
    """EnvironmentCredential uses TLS, with the local CA in SSL_CERT_FILE."""
    settings = local_azure_server.environment("msi-func")
    for name in ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "SSL_CERT_FILE"):
        caller.set({name: settings[name]})
    caller.set(
        {"AZURE_CLIENT_ID": "dae00001-c11d-4000-8000-000000000000", "AZURE_CLIENT_SECRET": "local-only-nightly-job"}
    )
    assert caller.run(AppIdentity().get_token(SCOPE)).count(".") == 2
    assert AppIdentity().kind == "default credential"

    caller.restart()
    caller.set({"AZURE_CLIENT_SECRET": "wrong", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    assert failure(caller).detail == token_errors.SIGN_IN


def test_machine_with_imds_gets_a_token_from_the_default_credential(caller: Caller):
    reply = {"access_token": TOKEN, "expires_in": "86400", "resource": SCOPE, "token_type": "Bearer"}
    with Scripted(lambda request: as_json(200, reply)) as imds:
        caller.set({"AZURE_POD_IDENTITY_AUTHORITY_HOST": imds.origin, "AZURE_TOKEN_CREDENTIALS": "prod"})
        assert caller.run(AppIdentity(SHARED).get_token(SCOPE)) == TOKEN
    assert f"client_id={SHARED}" in imds.requests[-1].target


OPAQUE = "-opaque_" * 8
LOGGED = [
    ("a token", token_reply()),
    ("malformed JSON", http(200, token_reply().data + b"}", Content_Type="application/json")),
    ("malformed JSON declared as text", http(200, b'{"access_token": "' + TOKEN.encode(), Content_Type="text/plain")),
    ("a token in an error", platform_error(400, TOKEN)),
    ("a token as expiry", token_reply(expires_on=TOKEN)),
    ("a token without resource", without("resource")),
    ("an opaque token", http(200, OPAQUE.encode(), Content_Type="application/json")),
]


@pytest.mark.parametrize(("why", "reply"), LOGGED, ids=[case[0] for case in LOGGED])
def test_no_part_of_a_token_is_logged_at_debug(why, reply, caller: Caller, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG), Scripted(lambda request: reply) as endpoint:
        for name in ("aiohttp", "azure", "azure.identity", "msal", "urllib3", "msi_func", "asyncio"):
            caplog.set_level(logging.DEBUG, logger=name)
        caller.uses_endpoint(endpoint.origin)
        if why == "a token":
            caller.run(AppIdentity().get_token(SCOPE))
        else:
            problem = failure(caller)
            assert TOKEN not in json.dumps(problem.members) + problem.detail
    assert caplog.records
    for part in TOKEN.split("."):
        assert part[:20] not in caplog.text
    assert OPAQUE not in caplog.text


def test_failed_refresh_keeps_the_valid_token(caller: Caller):
    """A token with a lifetime of 4 minutes is immediately due for refresh."""
    clock = Clock(time.time())

    with Scripted(in_turn(token_reply(seconds=240), GENERIC)) as endpoint:
        caller.uses_endpoint(endpoint.origin)
        cache = TokenCache(clock=clock, monotonic=clock)

        async def request() -> AccessTokenInfo:
            return await AppIdentity().request_token(SCOPE)

        async def calls() -> None:
            assert await cache.get(request) == TOKEN
            for _ in range(5):
                clock.advance(seconds=40)
                sent = len(endpoint.requests)
                assert await cache.get(request) == TOKEN
                await cache.pending.wait()
                assert len(endpoint.requests) > sent
                assert await cache.get(request) == TOKEN
            clock.advance(seconds=60)
            with pytest.raises(Problem) as raised:
                await cache.get(request)
            assert raised.value.detail == token_errors.GENERIC_ERROR

        caller.run(calls())
