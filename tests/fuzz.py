"""Property tests with new examples: `make fuzz`, or `make fuzz SEED=123` to repeat a run."""

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
    """Run the property tests with a new seed each time until SECONDS (default 60) elapse, or once if SEED is set."""
    given = os.environ.get("SEED")
    end = time.monotonic() + float(os.environ.get("SECONDS") or 60)
    while True:
        seed = given or str(random.randrange(10**9))
        print(f"seed {seed} (repeat with: make fuzz SEED={seed})", flush=True)
        if subprocess.run([sys.executable, *COMMAND, f"--hypothesis-seed={seed}"], check=False).returncode:
            return 1
        if given or time.monotonic() > end:
            return 0


if __name__ == "__main__":
    sys.exit(main())
