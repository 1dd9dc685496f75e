"""The `serve` command, which runs a tenant for commands in other terminals."""

import argparse
import sys

from local_azure.cli import log_output, tenant
from local_azure.cli.settings_formats import FORMATS
from local_azure.cli.signals import wait_for_shutdown

_HINTS = {
    "sh": "Paste these lines into the terminal in which you start your app:",
    "powershell": "Paste these lines into the PowerShell window in which you start your app:",
    "dotenv": "Save these lines as your app's .env file:",
    "json": "Copy these values into your app's local.settings.json:",
}
_DEFAULT_HINT = "Start your app with these settings:"


def run(options: argparse.Namespace) -> int:
    """Print the settings and serve until this process is stopped."""
    log_output.configure("identity")
    with tenant.from_options(options) as azure:
        hint = _HINTS.get(options.format, _DEFAULT_HINT)
        # The hint goes to standard error, because standard output may be redirected to a file.
        print(f"The tenant runs until Ctrl+C. {hint}", file=sys.stderr, flush=True)
        print(FORMATS[options.format](azure.environment(imds=options.imds)), flush=True)
        wait_for_shutdown()
