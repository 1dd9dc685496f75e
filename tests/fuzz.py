"""The properties with new examples for a minute: `make fuzz`, and `make fuzz SEED=123` to see one run again."""

import os
import random
import subprocess
import sys
import time

COMMAND = [
    "-m",
    "pytest",
    "tests/aad_func/test_properties.py",
    "--hypothesis-profile=fuzz",
    "--no-header",
    "--exitfirst",
]


def main() -> int:
    """Run after run, each with a seed of its own, until SECONDS (60) are over; one run alone where SEED is given."""
    given = os.environ.get("SEED")
    end = time.monotonic() + float(os.environ.get("SECONDS") or 60)
    while True:
        seed = given or str(random.randrange(10**9))
        print(f"seed {seed} (again: make fuzz SEED={seed})", flush=True)
        if subprocess.run([sys.executable, *COMMAND, f"--hypothesis-seed={seed}"], check=False).returncode:
            return 1
        if given or time.monotonic() > end:
            return 0


if __name__ == "__main__":
    sys.exit(main())
