"""The `env` command, which prints the settings of a running tenant for another terminal."""

import argparse
import os

from local_azure import environment
from local_azure.cli import control_client
from local_azure.cli.settings_formats import FORMATS


def run(options: argparse.Namespace) -> int:
    """Print the settings and return 0, or 1 if the tenant does not have the site."""
    query = {"site": options.site, "imds": options.imds}
    settings = control_client.send("GET", options.url, "settings", query)
    if settings is None:
        return 1
    # `no_proxy` extends the value in this terminal, not the value in the tenant's process.
    print(FORMATS[options.format]({**settings, **environment.without_proxy(os.environ)}))
    return 0
