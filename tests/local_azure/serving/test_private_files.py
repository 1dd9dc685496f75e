"""Files in the state folder."""

import concurrent.futures
import os
import stat
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import KeyRing
from local_azure.serving import private_files
from local_azure.serving.errors import StartError
from local_azure.tenant.loader import load
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, request_client_token


def test_concurrent_first_starts_use_the_same_keys(tmp_path: Path):
    made = iter([b"first", b"second"])
    assert private_files.create_once(tmp_path / "file", lambda: next(made)) == b"first"
    assert private_files.create_once(tmp_path / "file", lambda: next(made)) == b"first"

    def late() -> bytes:
        # Another process creates the file after the check.
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
        LocalTenant(second, monkeypatch).environment()
        monkeypatch.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
        verified(second, token)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert (modes["signing-keys.pem"], modes["ca.pem"]) == (0o600, 0o600)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX owners and modes")


@POSIX
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722, 0o1777])
def test_folder_that_others_can_write_to_is_rejected(mode: int, tmp_path: Path):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    for use in (lambda: private_files.write(folder / "file", b""), lambda: KeyRing(folder)):
        with pytest.raises(
            StartError, match=r"Other users can write to .*/state\. Run chmod go-w on the folder, or choose"
        ):
            use()
    assert list(folder.iterdir()) == []


@POSIX
def test_folder_of_another_user_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StartError, match=r"belongs to another user\. Choose another folder with --state\."):
        private_files.create_once(tmp_path / "file", lambda: b"")
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_link_owned_by_another_user_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(own)
    private_files.write(link / "file", b"")
    of_link = os.stat_result((*link.lstat()[:4], link.lstat().st_uid + 1, *link.lstat()[5:]))
    monkeypatch.setattr(Path, "lstat", lambda path: of_link)
    with pytest.raises(StartError, match="belongs to another user"):
        private_files.write(link / "file", b"")


@POSIX
def test_files_are_created_without_following_links(tmp_path: Path):
    folder, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    elsewhere.write_text("of another user")
    for name in (".gitignore", f"file.{os.getpid()}", "file"):
        (folder / name).symlink_to(elsewhere)
    private_files.write(folder / "file", b"new")
    assert elsewhere.read_text() == "of another user"
    assert (folder / "file").read_bytes() == b"new"
    assert not (folder / "file").is_symlink()


def test_existing_gitignore_is_not_changed(tmp_path: Path):
    (tmp_path / ".gitignore").write_text("mine\n")
    private_files.write(tmp_path / "file", b"")
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_failed_write_leaves_no_file_behind(tmp_path: Path):
    (tmp_path / "file").mkdir()
    with pytest.raises(StartError, match=r"file cannot be read or written .*\. Choose another folder with --state\."):
        private_files.write(tmp_path / "file", b"")
    assert {file.name for file in tmp_path.iterdir()} == {".gitignore", "file"}


def test_outdated_file_is_replaced(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    assert private_files.create_once(file, lambda: b"new", lambda content: content != b"old") == b"new"
    assert file.read_bytes() == b"new"
