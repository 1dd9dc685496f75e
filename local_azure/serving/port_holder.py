"""Find the process that listens on a port. Only Linux is supported."""

from pathlib import Path

_LISTENING = "0A"


def holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """Return the name and ID of the process, such as `python3 (process 4711)`, or None if unknown."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port, proc)}
    for process in proc.glob("[0-9]*"):
        try:
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            # The process belongs to another user or has ended.
            continue
    return None


def _listening(port: int, proc: Path) -> list[str]:
    """Return the inodes of the sockets that listen on `port`. https://docs.kernel.org/networking/proc_net_tcp.html"""
    found = []
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            address, state, inode = fields[1], fields[3], fields[9]
            if state == _LISTENING and int(address.rpartition(":")[2], 16) == port:
                found.append(inode)
    return found
