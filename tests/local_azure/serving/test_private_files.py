"""Files in the state folder."""

import concurrent.futures
import stat
from pathlib import Path

from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import KeyRing
from local_azure.serving import private_files
from local_azure.tenant.loader import load
from tests.support.clients import become, verified
from tests.support.tenant_requests import API, request_client_token


def test_concurrent_first_starts_use_the_same_keys(tmp_path: Path):
    made = iter([b"first", b"second"])
    assert private_files.create_once(tmp_path / "file", lambda: next(made)) == b"first"
    assert private_files.create_once(tmp_path / "file", lambda: next(made)) == b"first"

    def late() -> bytes:
        # Another process was quicker, between the look and the write.
        (tmp_path / "other").write_bytes(b"theirs")
        return b"ours"

    assert private_files.create_once(tmp_path / "other", late) == b"theirs"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        rings = [pool.submit(KeyRing, tmp_path).result() for _ in range(2)]
    assert rings[0].current.kid == rings[1].current.kid


def test_keys_and_ca_survive_a_restart_and_are_private(tmp_path: Path, monkeypatch):
    with LocalAzure(load(), port=0, state=tmp_path) as first:
        environment = first.environment()
        token = request_client_token(first, scope=f"{API}/.default").json()["access_token"]
    port = int(first.https_origin.rpartition(":")[2])
    with LocalAzure(load(), port=0, https_port=port, state=tmp_path) as second:
        become(monkeypatch, second)
        monkeypatch.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
        verified(second, token)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert (modes["signing-keys.pem"], modes["ca.pem"]) == (0o600, 0o600)
    assert (tmp_path / ".gitignore").read_text() == "*\n"
