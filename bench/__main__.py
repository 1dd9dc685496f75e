"""Run the benchmarks and print a table. Exits with 1 if a goal is missed."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import cold_start, concurrency, memory, scaling, throughput, token_validation
from bench.command import run
from bench.progress import heartbeat
from bench.report import Row, table
from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load

PARTS = {
    "validation": token_validation.rows,
    "scaling": scaling.rows,
    "cold_start": cold_start.rows,
    "throughput": throughput.rows,
    "latency": throughput.latency_rows,
    "concurrency": concurrency.rows,
    "memory": memory.rows,
}
EXAMPLES = """examples:
  python -m bench              run all benchmarks, in about five minutes
  python -m bench validation   run only the benchmarks of token validation, in a few seconds
"""


def main() -> int:
    """Measure the parts named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"part to run: {', '.join(PARTS)}; default: all")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]}; choose from {', '.join(PARTS)}")
    rows: list[Row] = []
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as state, LocalAzure(load(), port=0, https_port=0, state=Path(state)) as azure:
        try:
            for part in chosen:
                with heartbeat(part):
                    for row in PARTS[part](azure):
                        rows.append(row)
                        print(f"{part}: {row}", file=sys.stderr, flush=True)
        finally:
            print(table(rows), flush=True)  # An interrupted run prints its rows as well.
    missed = sum(row.is_reached is False for row in rows)
    verdict = f"Missed goals: {missed}" if missed else "All goals were reached"
    print(f"\n{verdict}. The benchmarks took {time.monotonic() - start:.0f} s.")
    return 1 if missed else 0


if __name__ == "__main__":
    run(main)
