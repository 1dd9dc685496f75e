"""`serve`: a local tenant for commands in other terminals."""

import argparse

from local_azure.cli import log_output, tenant
from local_azure.cli.settings_formats import FORMATS
from local_azure.cli.signals import wait_for_shutdown


def run(options: argparse.Namespace) -> int:
    """Print the settings and serve until this process is stopped."""
    log_output.configure("identity")
    with tenant.from_options(options) as azure:
        print(FORMATS[options.format](azure.environment(imds=options.imds)), flush=True)
        wait_for_shutdown()
