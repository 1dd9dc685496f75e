"""OpenIdMetadata.fetch: limits on time and size, no credentials sent, no redirects followed."""

import gzip
import time
from pathlib import Path

import pytest
import requests

from aad_func.openid_metadata import MAX_BYTES, MetadataError, OpenIdMetadata
from tests.support import apps
from tests.support.clock import MUCH_LATER, FastForward
from tests.support.scripted import HANG, Reply, Request, Scripted, as_json, certified, dripping
from tests.support.scripted import http as reply_of
from tests.support.tenant import V2, Tenant

SECONDS = 30
LARGE = b" " * (MAX_BYTES + 1)
BOMB = gzip.compress(b"\0" * 50_000_000)
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def no_settings():
    with apps.clean_environment():
        yield


@pytest.fixture
def metadata(tenant: Tenant) -> OpenIdMetadata:
    return OpenIdMetadata(tenant.origin, tenant.tenant_id, V2)


def chunked(*sizes: str) -> Reply:
    head = OK + CHUNKED
    return Reply(head + b"".join(f"{size}\r\nabc\r\n".encode() for size in sizes), then="close")


INVALID_RESPONSES = [
    ("larger than the limit", reply_of(200, LARGE), f"the response is larger than {MAX_BYTES} bytes"),
    ("larger than the limit, of unknown length", Reply(OK + b"\r\n" + LARGE, then="close"), "larger than"),
    ("not JSON", reply_of(200, b"<html>"), "the response is not JSON"),
    ("not an object", as_json(200, []), "the response is not a JSON object"),
    ("compressed", reply_of(200, BOMB, Content_Encoding="gzip"), "the response is not JSON"),
    ("a redirect", reply_of(302, Location="/next"), "status 302 instead of 200"),
    ("a redirect with an endless body", Reply(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", then="hang"), "status 302"),
    ("a redirect to an invalid URL", reply_of(302, Location="http://["), "status 302"),
    ("a chunk of a negative size", chunked("-5"), "the request failed with"),
    ("a chunk without a size", chunked("zz"), "the request failed with"),
    ("10,000 headers", Reply(OK + b"A: b\r\n" * 10_000, then="close"), "the request failed with"),
    ("a header of 100,000 characters", Reply(OK + b"A: " + b"b" * 100_000, then="close"), "the request failed with"),
]


@pytest.mark.parametrize(("reply", "reason"), [pytest.param(*case[1:], id=case[0]) for case in INVALID_RESPONSES])
def test_invalid_response_is_a_metadata_error(reply, reason, run, metadata, tenant: Tenant):
    tenant.fail(reply)
    with pytest.raises(MetadataError, match=reason):
        run(metadata.fetch(SECONDS))
    assert len(tenant.requests) == 1


ENDLESS_RESPONSES = [
    ("no response", HANG),
    ("dripping status line", dripping(Reply(OK * 100))),
    ("dripping headers", Reply(OK + b"X: y\r\n" * 1000, drip=True, whole=len(OK))),
    ("dripping body", Reply(OK + b"\r\n" + b" " * 1000, drip=True, whole=len(OK) + 2)),
    ("dripping chunks", Reply(OK + CHUNKED + b"1\r\n \r\n" * 1000, drip=True, whole=len(OK + CHUNKED))),
]


@pytest.mark.parametrize("transport", ["http", "https", "proxy"])
@pytest.mark.parametrize("reply", [pytest.param(reply, id=label) for label, reply in ENDLESS_RESPONSES])
def test_fetch_of_an_endless_response_ends_at_the_time_limit(reply, transport, run, tmp_path: Path, monkeypatch):
    tls = certified(tmp_path, monkeypatch) if transport == "https" else None
    with Scripted(lambda request: reply, tls=tls) as server:
        proxied = transport == "proxy"
        if proxied:
            monkeypatch.setenv("HTTP_PROXY", server.origin)
        start = time.monotonic()
        with pytest.raises(MetadataError, match=r"time limit|Timeout"):
            run(OpenIdMetadata("http://api.example" if proxied else server.origin, "id", V2).fetch(0.5))
        assert time.monotonic() - start < MUCH_LATER


def test_time_limit_covers_both_documents(run, metadata: OpenIdMetadata, tenant: Tenant, fast_forward: FastForward):
    def late(request: Request) -> Reply:
        fast_forward.leap(29.5)
        return as_json(200, tenant.metadata(V2))

    tenant.fail(late, "metadata", V2)
    tenant.fail(HANG, "keys", V2)
    start = fast_forward.real()
    with pytest.raises(MetadataError, match=r"time limit|Timeout"):
        run(metadata.fetch(30))
    assert fast_forward.real() - start < MUCH_LATER
    tenant.recover()
    assert run(metadata.fetch(30))


def test_request_has_no_credentials_and_no_cookies(run, metadata, tenant: Tenant, tmp_path: Path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert requests.utils.get_netrc_auth(tenant.origin) == ("user", "secret")
    tenant.fail(as_json(200, tenant.metadata(V2), Set_Cookie="session=1; Path=/"))
    run(metadata.fetch(SECONDS))
    assert len(tenant.requests) == 2
    for request in tenant.requests:
        assert not {"authorization", "cookie"} & set(request.headers)
        assert request.headers["accept-encoding"] == "identity"


def test_tls_uses_the_ca_bundle_of_the_environment(
    run, local_azure_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with Tenant(local_azure_server) as plain:
        keys = as_json(200, {"keys": [plain.member(V2, plain.own)]})
        issuer = plain.metadata(V2)["issuer"]

    def reply(request: Request) -> Reply:
        return keys if request.target == "/keys" else as_json(200, {"issuer": issuer, "jwks_uri": f"{origin}/keys"})

    with Scripted(reply, tls=certified(tmp_path, monkeypatch)) as server:
        origin = server.origin
        fetched, _ = run(OpenIdMetadata(origin, local_azure_server.directory.tenant_id, V2).fetch(SECONDS))
        assert fetched == issuer
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(MetadataError, match="the request failed with SSLError"):
            run(OpenIdMetadata(origin, local_azure_server.directory.tenant_id, V2).fetch(SECONDS))


def test_proxy_of_the_environment_is_used_except_for_loopback(run, metadata, monkeypatch: pytest.MonkeyPatch):
    with Scripted(lambda request: as_json(502, {})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        assert run(metadata.fetch(SECONDS))
        with pytest.raises(MetadataError, match="status 502"):
            run(OpenIdMetadata("http://login.example", "id", V2).fetch(SECONDS))
    assert [request.target for request in proxy.requests] == [
        "http://login.example/id/v2.0/.well-known/openid-configuration"
    ]


FAILURES = [
    ("http://no-such-host.invalid", "NameResolutionError"),
    ("http://127.0.0.1:9", "NewConnectionError"),
    (f"http://{'a' * 70}.example", "InvalidURL|LocationParseError|NameResolutionError"),
    ("http://:80", "InvalidURL"),
]


@pytest.mark.parametrize(("authority", "error"), FAILURES)
def test_failed_request_is_reported_with_the_type_of_its_error(authority, error, run):
    with pytest.raises(MetadataError, match=rf"^the request failed with ({error})$"):
        run(OpenIdMetadata(authority, "id", V2).fetch(SECONDS))
