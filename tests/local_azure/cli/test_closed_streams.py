"""Commands with closed standard input or output, as cron starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_azure.serving.ports import free_port
from tests.support.apps import APP, clean_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes the streams")

SERVES = """
$PYTHON -m local_azure serve --port $PORT --https-port 0 --state $STATE >&- &
until (exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null; do :; done
kill $!
wait $!
"""

CASES = [
    ("run without input", "$PYTHON -m local_azure run --port 0 --state $STATE -- echo hi <&-", 0, "hi\n"),
    ("tools.token without input", "$PYTHON -m tools.token - <&-", 2, ""),
    ("tools.doctor without input", "$PYTHON -m tools.doctor http://127.0.0.1:9/ <&- >/dev/null", 3, ""),
    ("tools.doctor without output", "$PYTHON -m tools.doctor http://127.0.0.1:9/ >&-", 3, ""),
    ("tools.doctor with a closed pipe", "$PYTHON -m tools.doctor http://127.0.0.1:9/ | true", 0, ""),
    ("serve without output", SERVES, 0, ""),
    ("demo with a closed pipe", "$PYTHON -m local_azure demo --once --port 0 --state $STATE | true", 0, ""),
]


@pytest.mark.parametrize(("why", "script", "code", "out"), CASES, ids=[case[0] for case in CASES])
def test_closed_streams_cause_no_traceback(why, script, code, out, state: Path):
    with clean_environment():
        settings = {**os.environ, "PYTHON": sys.executable, "STATE": str(state), "PORT": str(free_port())}
        done = subprocess.run(
            ["bash", "-c", script], cwd=APP, env=settings, capture_output=True, text=True, timeout=60, check=False
        )
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (code, out), done.stderr
