"""The `run` command, which runs another command with a local managed identity and tenant."""

import argparse

from local_azure.cli import log_output, tenant
from local_azure.cli.child_process import run_command


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    log_output.configure("identity")
    with tenant.from_options(options) as azure:
        return run_command(options.command, azure.environment(imds=options.imds))
