"""The `env` command, which prints the settings of a running tenant."""

import argparse
import os

from local_azure import environment
from local_azure.cli import control_client
from local_azure.cli.settings_formats import FAILURES, FORMATS


def run(options: argparse.Namespace) -> int:
    """Print the settings and return 0, or return 1 if the tenant returns an error. Raises StartError."""
    query = {"site": options.site, "imds": options.imds}
    settings = None
    try:
        settings = control_client.send("GET", options.url, "settings", query)
    finally:
        # `eval ""` succeeds, so a command after && would run without the settings.
        if settings is None and options.format in FAILURES:
            print(FAILURES[options.format])
    if settings is None:
        return 1
    # `no_proxy` extends the value in this terminal, not the value in the tenant's process.
    print(FORMATS[options.format]({**settings, **environment.without_proxy(os.environ)}))
    return 0
