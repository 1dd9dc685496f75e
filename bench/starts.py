"""Starting: what stands before the first answer."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import beside
from bench.calling import Failed
from bench.rows import Row, number, share
from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.forge import Forge

ROUNDS = 21
FIRST_USE = ("common.http", "jwt.algorithms")  # what aad-func imports when it first checks a token
STAGES = {
    "python": "Python itself",
    "functions loaded": "functions loaded",
    "modules": "requests, PyJWT and cryptography imported",
    "call": "keys fetched, token verified",
}
HEAVY = {"aad_func": ("azure.identity", "msal"), "msi_func": ("jwt",)}


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Start to functions loaded, start to first 200, and what each app then has imported."""
    token = Forge(azure).token()
    with beside.hello_app() as hello, apps.running(apps.aad_settings(azure)) as aad:
        settings = apps.aad_settings(azure)
        made = [
            (
                first_call("aad_func", settings, token=token),
                first_call("aad_func", settings, token=token, modules=FIRST_USE),
                first_call("hello", {}, folder=hello),
            )
            for _ in range(ROUNDS + 1)
        ][1:]
        relayed = first_call("msi_func", apps.msi_settings(azure, aad.url("aad-func")))
    loading = ("python", "functions loaded")
    pairs = [(_spent(ours, *loading), _spent(theirs, *loading)) for ours, _, theirs in made]
    yield share("start to functions loaded", "an app of one hello function", pairs, "ms", most=1.15)
    pairs = [(_spent(ours), _spent(theirs)) for ours, _, theirs in made]
    yield share("start to first 200 of aad-func", "of the hello app", pairs, "ms")
    for stage, what in STAGES.items():
        yield number(f"of that: {what}", statistics.median(_spent(staged, stage) for _, staged, _ in made), "ms")
    for name, call in (("aad_func", made[0][0]), ("msi_func", relayed)):
        found = [module for module in HEAVY[name] if module in call["modules"]]
        yield number(f"{name} after a request: imported of {', '.join(HEAVY[name])}", len(found), most=0)


def first_call(
    function: str,
    settings: Mapping[str, str],
    *,
    folder: Path = apps.APP,
    token: str = "",
    query: str = "",
    modules: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What bench/first_call.py tells. Raises Failed unless the answer is 200."""
    with apps.clean_environment():
        environment = {**os.environ, **settings, "PYTHONPATH": str(apps.APP)}
    command = [sys.executable, "-m", "bench.first_call", function, f"--since={time.monotonic()}", f"--query={query}"]
    done = subprocess.run(
        [*command, *(f"--import={module}" for module in modules)],
        cwd=folder,
        env=environment,
        input=token,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise Failed(f"{function}: {done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout)
    if told["status"] != 200:
        raise Failed(f"{function}: {told['body']}")
    return told


def _spent(call: Mapping[str, Any], *stages: str) -> float:
    """Milliseconds of these stages, of all where none are named."""
    return 1e3 * sum(float(call["stages"][stage]) for stage in stages or STAGES)
