"""Files in the state folder: keys for their owner only, the rest for anyone to read."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from local_azure.serving.errors import StartError


def create_once(file: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a file, made where there is none yet. Of two that begin at once, both get the first one's."""
    with _said(file):
        if not file.exists():
            part = _part(file, make(), 0o600)
            with contextlib.suppress(FileExistsError):
                os.link(part, file)
            part.unlink()
        return file.read_bytes()


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all."""
    with _said(file):
        _part(file, content, mode).replace(file)


def _part(file: Path, content: bytes, mode: int) -> Path:
    """The content in a file of its own, in the same folder, which keeps itself out of git."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    (file.parent / ".gitignore").write_text("*\n")
    part = file.with_name(f"{file.name}.{os.getpid()}")
    # Opened with the right mode: a chmod afterwards would leave a moment in which others can read.
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as opened:
        opened.write(content)
    return part


@contextlib.contextmanager
def _said(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{file} cannot be read and written ({error.strerror})"
        raise StartError(f"{what}: give another folder with --state.") from None
