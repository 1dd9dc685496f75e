"""The control plane: keys, kept tokens, faults, counters, users' tokens, and that no web page can drive it."""

import contextlib
import os
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import KeyRing
from local_azure.tenant.loader import load
from tests.support.clients import become, verified

API = "api://aad00002-c11d-4000-8000-000000000000"


@pytest.fixture(scope="module")
def running(keys: Path) -> Iterator[LocalAzure]:
    with LocalAzure(load(), port=0, state=keys) as azure:
        yield azure


@pytest.fixture
def azure(running: LocalAzure) -> LocalAzure:
    """A tenant without kept tokens, faults or requests so far."""
    running.token_cache.clear()
    running.faults.clear()
    for endpoint in running.faults.endpoints:
        running.faults.counters[endpoint] = 0
    return running


@pytest.fixture
def fresh(tmp_path: Path, keys: Path) -> Iterator[LocalAzure]:
    """A tenant for tests that change its keys."""
    shutil.copytree(keys, tmp_path, dirs_exist_ok=True)
    with LocalAzure(load(), port=0, state=tmp_path) as azure:
        yield azure


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys to begin with: made once, as making them is what takes longest."""
    folder = tmp_path_factory.mktemp("keys")
    KeyRing(folder)
    return folder


def control(azure: LocalAzure, command: str, **values) -> requests.Response:
    return requests.post(f"{azure.origin}/local-azure/{command}", json=values, timeout=10)


def msi(azure: LocalAzure, origin: str | None = None) -> requests.Response:
    settings = azure.environment("msi-func")
    url = settings["IDENTITY_ENDPOINT"].replace(azure.origin, origin or azure.origin)
    query = {"api-version": "2019-08-01", "resource": API}
    headers = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]}
    verify = str(azure.certificates.bundle)
    return requests.get(url, params=query, headers=headers, timeout=10, verify=verify)


def test_a_rotated_key_signs_and_the_old_one_stays_until_it_is_withdrawn(fresh: LocalAzure, monkeypatch):
    become(monkeypatch, fresh)
    old = msi(fresh).json()["access_token"]
    first = fresh.keys.current.kid
    kids = control(fresh, "rotate-keys").json()["keys"]
    assert kids[0] == first
    assert len(kids) == 2

    assert msi(fresh).json()["access_token"] == old
    assert control(fresh, "clear-token-cache").json() == {"cleared": 1}
    new = msi(fresh).json()["access_token"]
    for token in (old, new):
        verified(fresh, token)

    assert control(fresh, "remove-key", kid=first).json() == {"keys": kids[1:]}
    verified(fresh, new)
    with pytest.raises(Exception, match="Unable to find a signing key"):
        verified(fresh, old)
    assert control(fresh, "remove-key", kid=first).status_code == 404
    assert requests.get(f"{fresh.origin}/local-azure/keys", timeout=10).json() == {"keys": kids[1:]}


def test_the_last_key_gives_way_to_a_new_one_and_that_is_kept(fresh: LocalAzure, tmp_path: Path):
    (new,) = control(fresh, "remove-key", kid=fresh.keys.current.kid).json()["keys"]
    with LocalAzure(load(), port=0, state=tmp_path) as again:
        assert again.keys.current.kid == new


FAULTS = [
    ({"status": 503}, 503, "An injected fault."),
    ({"truncate": True}, 200, '{"access_token": "cut off'),
    ({"truncate": "true", "status": "502"}, 502, '{"access_token": "cut off'),
]


@pytest.mark.parametrize(("fault", "status", "text"), FAULTS)
def test_a_fault_meets_as_many_requests_as_asked_for(fault, status, text, azure: LocalAzure):
    assert "msi" in control(azure, "fault", endpoint="msi", count=2, **fault).json()
    answers = [msi(azure) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert text in answers[0].text
    assert requests.get(f"{azure.origin}/local-azure/faults", timeout=10).json() == {}


def test_a_fault_without_a_count_stays_until_cleared(azure: LocalAzure):
    control(azure, "fault", endpoint="keys", status=500)
    url = f"{azure.origin}/{azure.directory.tenant_id}/discovery/keys"
    assert [requests.get(url, timeout=10).status_code for _ in range(3)] == [500] * 3
    control(azure, "clear-faults")
    assert requests.get(url, timeout=10).status_code == 200


def test_a_delay_comes_before_the_answer(azure: LocalAzure):
    control(azure, "fault", endpoint="msi", delay=0.2, count=1)
    start = time.perf_counter()
    assert msi(azure).status_code == 200
    assert time.perf_counter() - start >= 0.2


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_reset_is_a_reset(tls: bool, azure: LocalAzure):
    control(azure, "fault", endpoint="metadata", reset=True, count=1)
    port = int((azure.https_origin if tls else azure.origin).rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(azure.certificates.bundle))
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        if tls:
            stream = stack.enter_context(context.wrap_socket(stream, server_hostname="127.0.0.1"))
        path = f"/{azure.directory.tenant_id}/.well-known/openid-configuration"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # Below TLS, which tells a reset as an end.
        raw = stack.enter_context(socket.socket(fileno=os.dup(stream.fileno())))
        raw.settimeout(10)
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: raw.recv(4096), b""))


def test_requests_are_counted_per_endpoint_over_http_and_https(azure: LocalAzure):
    for origin in (azure.origin, azure.https_origin):
        msi(azure, origin)
    counters = requests.get(f"{azure.origin}/local-azure/counters", timeout=10).json()
    assert counters == {"msi": 2, "imds": 0, "metadata": 0, "keys": 0, "token": 0, "graph": 0}


BAD = [
    ("fault", {"endpoint": "nowhere", "status": 500}, "endpoint: is not one of msi, imds, metadata, keys,"),
    ("fault", {"endpoint": "msi"}, "Specify the fault: status, delay, truncate or reset."),
    ("fault", {"endpoint": "msi", "status": 99}, "status: is not a number from 200 to 599."),
    ("fault", {"endpoint": "msi", "status": 500.5}, "status: is not a whole number."),
    ("fault", {"endpoint": "msi", "delay": "soon"}, "delay: is not a number from 0 to 3600."),
    ("fault", {"endpoint": "msi", "reset": "maybe"}, "reset: is not true or false."),
    ("fault", {"endpoint": "msi", "stauts": 500}, "stauts: is unknown; known are"),
    ("user-token", {"user": "\ud800", "scope": "x"}, "The body contains an unpaired surrogate"),
    ("user-token", {"user": "admin@local.example", "scope": ["\udfff"]}, "The body contains an unpaired surrogate"),
    ("clear-token-cache", {"all": True}, "all: is unknown; known are none."),
]


@pytest.mark.parametrize(("command", "values", "message"), BAD, ids=[str(case[1]) for case in BAD])
def test_a_command_that_is_not_understood_is_named(command, values, message, azure: LocalAzure):
    answer = control(azure, command, **values)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


def test_values_may_come_in_the_query(azure: LocalAzure):
    url = f"{azure.origin}/local-azure/fault?endpoint=msi&status=500&count=1"
    assert requests.post(url, timeout=10).json()["msi"]["count"] == 1


PAGES = [
    ("a foreign host", {"Host": "evil.example"}, 400),
    ("a foreign host that looks local", {"Host": "127.0.0.1.evil.example"}, 400),
    ("a foreign origin", {"Origin": "https://evil.example"}, 403),
    ("a page on another local port", {"Origin": "http://127.0.0.1:3000"}, 403),
    ("a page without an origin", {"Origin": "null"}, 403),
    ("a form", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("a form with a file", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("a script's plain text", {"Content-Type": "text/plain;charset=UTF-8"}, 415),
]


@pytest.mark.parametrize(("who", "headers", "status"), PAGES, ids=[case[0] for case in PAGES])
@pytest.mark.parametrize(
    "command", ["clear-token-cache", "user-token?user=admin@local.example&scope=https://x/.default"]
)
def test_a_web_page_cannot_drive_it(who, headers, status, command, azure: LocalAzure):
    msi(azure)
    answer = requests.post(f"{azure.origin}/local-azure/{command}", headers=headers, timeout=10)
    assert answer.status_code == status
    assert azure.token_cache.clear() == 1


def test_a_command_is_no_link(azure: LocalAzure):
    assert requests.get(f"{azure.origin}/local-azure/clear-token-cache", timeout=10).status_code == 405


def test_our_own_origin_is_welcome(azure: LocalAzure):
    headers = {"Origin": azure.origin}
    assert (
        requests.post(f"{azure.origin}/local-azure/clear-token-cache", headers=headers, timeout=10).status_code == 200
    )


def test_a_developers_token_carries_scope_and_the_groups_role(azure: LocalAzure, monkeypatch):
    become(monkeypatch, azure)
    ask = {"user": "developer@local.example", "scope": f"{API}/.default"}
    claims = verified(azure, control(azure, "user-token", **ask).json()["access_token"])
    assert (claims["scp"], claims["roles"]) == ("user_impersonation", ["DoAll"])
    assert claims["oid"] == "05e50001-0b1d-4000-8000-000000000000" != claims["sub"]
    assert (claims["azp"], claims["azpacr"]) == ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "0")
    assert "idtyp" not in claims

    visitor = {"user": "visitor@local.example", "scope": f"openid {API}/user_impersonation"}
    claims = verified(azure, control(azure, "user-token", **visitor).json()["access_token"])
    assert (claims["scp"], claims.get("roles")) == ("user_impersonation", None)


USERS = [
    ({"user": "ghost@local.example"}, 50034),
    ({"scope": f"{API}/Read"}, 650053),
    ({"scope": "api://nowhere/.default"}, 500011),
    ({"scope": "user_impersonation"}, 70011),
    ({"scope": f"{API}/.default https://graph.microsoft.com/.default"}, 70011),
    ({"client_id": "dae00001-c11d-4000-8000-000000000000"}, 65001),
    ({"scope": "api://aad00003-c11d-4000-8000-000000000000/.default"}, 50105),
]


@pytest.mark.parametrize(("values", "code"), USERS, ids=[str(code) for _, code in USERS])
def test_a_user_who_may_not_is_told_entras_code(values, code, azure: LocalAzure):
    ask = {"user": "developer@local.example", "scope": f"{API}/.default", **values}
    assert control(azure, "user-token", **ask).json()["error_codes"] == [code]
