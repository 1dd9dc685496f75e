"""The state folder."""

import concurrent.futures
from pathlib import Path

import pytest

from local_azure.entra.key_ring import KeyRing
from local_azure.serving import private_files
from local_azure.serving.certificates import CA_FILE, Certificates
from local_azure.serving.errors import StartError


def unusable(folder: Path) -> list[Path]:
    (folder / "file").write_text("")
    (folder / "taken" / CA_FILE).mkdir(parents=True)
    return [folder / "file", folder / "file" / "below", Path("/proc/nope"), folder / "taken"]


@pytest.mark.parametrize("number", range(4))
def test_a_state_folder_that_cannot_be_used_is_one_sentence_with_the_way_out(number, tmp_path: Path):
    with pytest.raises(StartError, match="--state"):
        Certificates(unusable(tmp_path)[number])


def test_of_two_that_begin_at_once_both_have_the_same_keys(tmp_path: Path):
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
