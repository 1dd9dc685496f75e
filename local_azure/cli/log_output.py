"""Log output of the commands."""

import logging
import sys


def configure(name: str, others: int = logging.WARNING) -> None:
    """Log local_azure at INFO and everything else at `others`, with `name` before each line."""
    logging.basicConfig(level=others, format=f"[{name}] %(message)s" if name else "%(message)s", stream=sys.stderr)
    logging.getLogger("local_azure").setLevel(logging.INFO)
