"""Benchmarks of cold starts, from the start of the interpreter to the first response with status 200."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import baselines
from bench.load_runner import MeasurementError
from bench.report import Row, ratio, value
from bench.throughput import ONLY_AAD, ONLY_MSI
from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.forge import Forge

ROUNDS = 11
STAGES = {
    "python": "Python starts",
    "functions loaded": "functions are loaded",
    "call": "the first request is processed",
}
# Modules that only the other function needs. A deployed app must not import them.
FOREIGN = {"aad_func": ("azure.identity", "msal", "aiohttp", "msi_func"), "msi_func": ("aad_func",)}


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows for the cold start of each app, for its stages, and for imported modules of the other function."""
    token = Forge(azure).token()
    aad_settings = {**apps.aad_settings(azure), **ONLY_AAD}
    with baselines.hello_app() as hello, apps.running(aad_settings) as aad:
        msi_settings = {**apps.msi_settings(azure, aad.url("aad-func")), **ONLY_MSI}
        rounds = [
            {
                "aad_func": first_call("aad_func", aad_settings, token=token),
                "msi_func": first_call("msi_func", msi_settings),
                "hello": first_call("hello", {}, folder=hello),
            }
            for _ in range(ROUNDS + 1)
        ][1:]
    for function in ("aad_func", "msi_func"):
        name = function.replace("_", "-")
        costs = ((1e3 * each[function]["cpu"], 1e3 * each["hello"]["cpu"]) for each in rounds)
        yield ratio(f"start to first 200, {name}: CPU", "hello app", costs, "ms")
        elapsed = ((_milliseconds(each[function], STAGES), _milliseconds(each["hello"], STAGES)) for each in rounds)
        yield ratio(f"start to first 200, {name}: elapsed", "hello app", elapsed, "ms")
        for stage, what in STAGES.items():
            median = statistics.median(_milliseconds(each[function], (stage,)) for each in rounds)
            yield value(f"start to first 200, {name}: elapsed while {what}", median, "ms")
        foreign = [module for module in FOREIGN[function] if module in rounds[0][function]["modules"]]
        yield value(f"{name}: loaded modules among {', '.join(FOREIGN[function])}", len(foreign), most=0)


def first_call(
    function: str,
    settings: Mapping[str, str],
    *,
    folder: Path = apps.APP,
    token: str = "",
    query: str = "",
) -> dict[str, Any]:
    """Return the output of bench/first_call.py. Raises MeasurementError unless the status is 200."""
    with apps.clean_environment():
        environment = {**os.environ, **settings, "PYTHONPATH": str(apps.APP)}
    command = [sys.executable, "-m", "bench.first_call", function, f"--since={time.monotonic()}", f"--query={query}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=token,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise MeasurementError(f"{function}: {done.stderr}")
    output: dict[str, Any] = json.loads(done.stdout)
    if output["status"] != 200:
        raise MeasurementError(f"{function}: {output['body']}")
    return output


def _milliseconds(call: Mapping[str, Any], stages: Iterable[str]) -> float:
    return 1e3 * sum(float(call["stages"][stage]) for stage in stages)
