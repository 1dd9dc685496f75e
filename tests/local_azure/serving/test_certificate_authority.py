"""Clients trust the local CA only for this machine's names."""

import asyncio
import contextlib
import datetime
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from local_azure.cloud import LocalAzure
from local_azure.serving.certificate_authority import create_authority, is_current
from local_azure.serving.certificates import BUNDLE_FILE, CA_FILE, SETTINGS, Certificates
from local_azure.serving.ports import bind

NODE = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

NODE_CONNECT = """
const socket = require("tls").connect({ port: %d, host: "127.0.0.1", servername: "%s" }, () => process.exit(0));
socket.on("error", (error) => { console.log(error.code, error.message); process.exit(1); });
"""


@pytest.fixture
def certificates(tmp_path: Path, few_roots: str, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    monkeypatch.setattr("certifi.where", lambda: few_roots)
    return Certificates(tmp_path)


def authority(certificates: Certificates) -> trustme.CA:
    """Return the CA with its private key, as an attacker who can read the file could use it."""
    pem = (certificates.bundle.parent / CA_FILE).read_bytes()
    certificate, begin, key = pem.partition(b"-----BEGIN EC PRIVATE KEY-----")
    return trustme.CA.from_pem(certificate, begin + key)


@contextlib.contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """Accept one TLS handshake, and yield the port."""
    listener = bind(0)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def handshake(port: int, host: str, bundle: Path) -> None:
    client = ssl.create_default_context(cafile=str(bundle))
    with socket.create_connection(("127.0.0.1", port), 10) as raw, client.wrap_socket(raw, server_hostname=host):
        pass


FOREIGN = ["login.microsoftonline.com", "sub.localhost.example", "10.0.0.1", "128.0.0.1", "::2", "*.contoso.com"]


@pytest.mark.parametrize("host", FOREIGN)
def test_certificate_for_another_host_is_rejected(host: str, certificates: Certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(certificates).issue_cert(host).configure_cert(context)
    with tls_server(context) as port, pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(port, host.replace("*", "www"), certificates.bundle)


def test_certificate_that_names_another_host_as_common_name_is_rejected(certificates: Certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(certificates).issue_cert("127.0.0.1", common_name="login.microsoftonline.com").configure_cert(context)
    with tls_server(context) as port, pytest.raises(ssl.SSLCertVerificationError):
        handshake(port, "login.microsoftonline.com", certificates.bundle)


@NODE
def test_node_rejects_a_certificate_for_another_host(certificates: Certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(certificates).issue_cert("login.microsoftonline.com").configure_cert(context)
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(certificates.bundle)}
    with tls_server(context) as port:
        script = NODE_CONNECT % (port, "login.microsoftonline.com")
        done = subprocess.run(
            ["node", "-e", script], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert "permitted subtree violation" in done.stdout


def test_authority_cannot_create_another_authority(certificates: Certificates, tmp_path: Path):
    parent = authority(certificates)
    child = trustme.CA(path_length=0)
    unsigned = x509.load_pem_x509_certificate(child.cert_pem.bytes())
    signed = x509.CertificateBuilder(
        x509.load_pem_x509_certificate(parent.cert_pem.bytes()).subject,
        unsigned.subject,
        unsigned.public_key(),
        unsigned.serial_number,
        unsigned.not_valid_before_utc,
        unsigned.not_valid_after_utc,
        list(unsigned.extensions),
    ).sign(load_pem_private_key(parent.private_key_pem.bytes(), None), hashes.SHA256())
    leaf = child.issue_cert("127.0.0.1")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(leaf.private_key_and_cert_chain_pem.bytes() + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with tls_server(context) as port, pytest.raises(ssl.SSLCertVerificationError, match="path length constraint"):
        handshake(port, "127.0.0.1", certificates.bundle)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_and_aiohttp_accept_the_server_certificate(host: str, local_azure_server: LocalAzure):
    bundle = str(local_azure_server.certificates.bundle)
    origin = local_azure_server.https_origin.replace("127.0.0.1", host)
    url = f"{origin}/{local_azure_server.directory.tenant_id}/discovery/keys"
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(url, verify=bundle, timeout=10).status_code == 200

    async def status() -> int:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=bundle))
        async with aiohttp.ClientSession(connector=connector) as client, client.get(url) as response:
            await response.read()  # Otherwise the connection is closed, which the event loop does not wait for.
            return response.status

    assert asyncio.run(status()) == 200


STRICT = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN  # the defaults of Python 3.13


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_server_certificate_passes_strict_verification(host: str, certificates: Certificates):
    client = ssl.create_default_context(cafile=str(certificates.bundle))
    client.verify_flags |= STRICT
    with (
        tls_server(certificates.server_context()) as port,
        socket.create_connection(("127.0.0.1", port), 10) as raw,
        client.wrap_socket(raw, server_hostname=host),
    ):
        pass


@CURL
def test_curl_accepts_the_server_certificate(local_azure_server: LocalAzure):
    url = f"{local_azure_server.https_origin}/{local_azure_server.directory.tenant_id}/discovery/keys"
    command = ["curl", "-sS", "--fail", "--noproxy", "*", "--cacert", str(local_azure_server.certificates.bundle), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@NODE
def test_node_accepts_the_server_certificate(local_azure_server: LocalAzure):
    url = f"{local_azure_server.https_origin}/{local_azure_server.directory.tenant_id}/discovery/keys"
    script = f"fetch('{url}').then((response) => process.exit(response.status === 200 ? 0 : 1))"
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(local_azure_server.certificates.bundle)}
    done = subprocess.run(
        ["node", "-e", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def without_constraints() -> bytes:
    """Return a CA without constraints, as earlier versions created it."""
    authority = trustme.CA(organization_unit_name="local_azure")
    return authority.cert_pem.bytes() + authority.private_key_pem.bytes()


def lifetime_of(days: int) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("local_azure.serving.certificate_authority.LIFETIME", datetime.timedelta(days=days))
        return create_authority()


@pytest.mark.parametrize(
    ("why", "pem", "is_reused"),
    [
        ("without constraints", without_constraints, False),
        ("about to expire", lambda: lifetime_of(20), False),
        ("valid for ten years", lambda: lifetime_of(3650), False),
        ("current", create_authority, True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_outdated_authority_is_replaced(why, pem, is_reused, tmp_path: Path):
    existing = pem()
    (tmp_path / CA_FILE).write_bytes(existing)
    bundle = Certificates(tmp_path).bundle
    found = (tmp_path / CA_FILE).read_bytes()
    assert (found == existing) == is_reused
    assert is_current(found)
    certificate = existing.partition(b"-----END CERTIFICATE-----")[0]
    assert (certificate in bundle.read_bytes()) == is_reused


def test_authority_is_valid_for_a_year(certificates: Certificates):
    certificate = x509.load_pem_x509_certificate((certificates.bundle.parent / CA_FILE).read_bytes())
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert datetime.timedelta(days=365) <= lifetime < datetime.timedelta(days=366)


def test_outdated_authority_of_an_earlier_bundle_is_not_trusted(tmp_path: Path, few_roots, monkeypatch):
    """The environment variables of a terminal can name the bundle of an earlier start."""
    monkeypatch.setattr("certifi.where", lambda: few_roots)
    outdated, other, company = without_constraints(), create_authority(), trustme.CA().cert_pem.bytes()
    earlier = tmp_path / BUNDLE_FILE
    earlier.write_bytes(b"\n".join(pem.partition(b"-----BEGIN EC")[0] for pem in (outdated, other, company)))
    (tmp_path / CA_FILE).write_bytes(outdated)
    for name in SETTINGS:
        monkeypatch.setenv(name, str(earlier))
    bundle = Certificates(tmp_path).bundle.read_bytes()
    assert outdated.partition(b"-----END CERT")[0] not in bundle
    assert other.partition(b"-----END CERT")[0] in bundle
    assert company in bundle
    assert Path(few_roots).read_bytes() in bundle
    assert Certificates(tmp_path).bundle.read_bytes().count(b"BEGIN CERT") == bundle.count(b"BEGIN CERT") == 4
