"""Files in the state folder: keys for their owner only, the rest for anyone to read."""

import os
from pathlib import Path


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all. Its folder keeps itself out of git."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    (file.parent / ".gitignore").write_text("*\n")
    part = file.with_name(f"{file.name}.{os.getpid()}")
    # Opened with the right mode: a chmod afterwards would leave a moment in which others can read.
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as opened:
        opened.write(content)
    part.replace(file)
