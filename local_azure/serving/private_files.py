"""Files in the state folder. Only the owner can read the files with keys."""

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
    """Return the content of a file. Create the file if it is missing or if its content is not current.

    If several processes create the file at the same time, all of them return the content that was written first. Raises
    StartError.
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
    """Create a temporary file in the folder of `file`. At the end, remove it unless it was renamed."""
    # mkstemp uses mode 600 and O_EXCL, which does not follow links.
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        Path(name).chmod(mode)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _prepare(folder: Path) -> None:
    """Create the folder with a .gitignore file. Raises StartError if other users can change the folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_private(folder)
    with contextlib.suppress(FileExistsError), open(folder / ".gitignore", "x") as file:
        file.write("*\n")


def _require_private(folder: Path) -> None:
    if os.name != "posix":  # on Windows, the mode does not determine access
        return
    if {folder.lstat().st_uid, folder.stat().st_uid} != {os.geteuid()}:
        raise StartError(f"{folder} belongs to another user. Choose another folder with --state.")
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StartError(
            f"Other users can write to {folder}. Run chmod go-w on the folder, or choose another folder with --state."
        )


@contextlib.contextmanager
def _start_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartError(
            f"{file} cannot be read or written ({error.strerror}). Choose another folder with --state."
        ) from None
