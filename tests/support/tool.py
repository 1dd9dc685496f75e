"""A tool of tools/ in a process of its own, as a person runs it."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from tests.support import apps


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    def state(self, check: str) -> str:
        """What a line of verdict says of this check: ok, failed or not checked."""
        for line in self.out.splitlines():
            for state in ("ok", "failed", "not checked"):
                if line.strip().startswith(state) and line.strip().removeprefix(state).split()[:1] == [
                    check.split(maxsplit=1)[0]
                ]:
                    return state
        raise AssertionError(f"no line about {check} in\n{self.out}\n{self.err}")


def run(tool: str, *arguments: str, settings: dict[str, str] | None = None, stdin: str = "") -> Ended:
    """Run it with these settings and no others, in an empty folder."""
    with apps.clean_environment(), tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(apps.APP), **(settings or {})}
        ended = subprocess.run(
            [sys.executable, "-m", f"tools.{tool}", *arguments],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)
