"""Files in the state folder: keys that only their owner can read, and certificates for everyone."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from local_azure.serving.errors import StartError


def create_once(
    file: Path, create: Callable[[], bytes], is_current: Callable[[bytes], bool] = lambda content: True
) -> bytes:
    """Return the content of a file, which is created if it is missing or no longer current.

    Concurrent first starts all get the content that was written first. Raises StartError.
    """
    with _start_errors(file):
        _prepare(file.parent)
        if file.exists() and not is_current(file.read_bytes()):
            file.unlink(missing_ok=True)
        if not file.exists():
            with _temporary(file, create(), 0o600) as temporary, contextlib.suppress(FileExistsError):
                os.link(temporary, file)
        return file.read_bytes()


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file atomically. Raises StartError."""
    with _start_errors(file):
        _prepare(file.parent)
        with _temporary(file, content, mode) as temporary:
            temporary.replace(file)


@contextlib.contextmanager
def _temporary(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Create a new file in the same folder, and remove it afterwards unless it was renamed."""
    # mkstemp opens with O_EXCL, which follows no links, and with mode 600.
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        Path(name).chmod(mode)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _prepare(folder: Path) -> None:
    """Create the folder, excluded from git. Raises StartError if other users control it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_private(folder)
    with contextlib.suppress(FileExistsError), open(folder / ".gitignore", "x") as file:
        file.write("*\n")


def _require_private(folder: Path) -> None:
    if os.name != "posix":  # elsewhere, owner and mode say nothing about access
        return
    choose = "choose another folder with --state."
    if {folder.lstat().st_uid, folder.stat().st_uid} != {os.geteuid()}:
        raise StartError(f"{folder} belongs to another user: {choose}")
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StartError(f"Other users can write to {folder}: run chmod go-w on it, or {choose}")


@contextlib.contextmanager
def _start_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartError(
            f"{file} cannot be read and written ({error.strerror}): choose another folder with --state."
        ) from None
