"""The `control` command, which changes and inspects a running tenant."""

import argparse
import json
import sys

from local_azure.cli import control_client

_QUERIES = ("keys", "counters", "faults")
_VALUES = ("duration", "kid", "endpoint", "status", "delay", "truncate", "reset", "count")


def run(options: argparse.Namespace) -> int:
    """Print the response and return 0, or return 1 if the tenant rejects the command."""
    if options.control in _QUERIES:
        response = control_client.send("GET", options.url, options.control)
    else:
        values = {name: getattr(options, name, None) for name in _VALUES}
        response = control_client.send("POST", options.url, options.control, values)
    if response is None:
        return 1
    print(json.dumps(response, indent=2))
    if options.control == "advance":
        print("Apps cache tokens too. Restart your apps to get new tokens.", file=sys.stderr)
    return 0
