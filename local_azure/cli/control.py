"""`control`: commands to a running tenant."""

import argparse
import json
import sys

from local_azure.cli import control_client

_QUERIES = ("keys", "counters", "faults")
_VALUES = ("duration", "kid", "endpoint", "status", "delay", "truncate", "reset", "count")


def run(options: argparse.Namespace) -> int:
    """Print the tenant's response and return 0, or 1 if it rejects the command."""
    if options.control in _QUERIES:
        response = control_client.send("GET", options.url, options.control)
    else:
        values = {name: getattr(options, name, None) for name in _VALUES}
        response = control_client.send("POST", options.url, options.control, values)
    if response is None:
        return 1
    print(json.dumps(response, indent=2))
    if options.control == "advance":
        print("Apps cache their tokens as well: restart them to get new ones.", file=sys.stderr)
    return 0
