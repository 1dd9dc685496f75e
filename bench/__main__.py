"""python -m bench: measure, print one table, exit 1 where a goal is missed."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench import crowds, growth, rates, starts, tokens
from bench.command import run
from bench.rows import Row, table
from local_azure.cloud import LocalAzure
from local_azure.directory import load

PARTS = {
    "tokens": tokens.rows,
    "growth": growth.rows,
    "starts": starts.rows,
    "rates": rates.rows,
    "crowds": crowds.rows,
}
EXAMPLES = """examples:
  python -m bench                 everything, in about four minutes
  python -m bench tokens growth   what verifying costs, in seconds
"""


def main() -> int:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"{unknown[0]} is no part; parts are {', '.join(PARTS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as state, LocalAzure(load(), port=0, https_port=0, state=Path(state)) as azure:
        try:
            for part in chosen:
                for row in PARTS[part](azure):
                    rows.append(row)
                    print(f"{part}: {row}", file=sys.stderr, flush=True)
        finally:
            print(table(rows), flush=True)  # also what there is when it is stopped
    missed = sum(row.reached is False for row in rows)
    print(f"\n{missed} goals are missed." if missed else "\nAll goals are reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    run(main)
