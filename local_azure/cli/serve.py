"""`serve`: a local tenant for commands in other terminals."""

import argparse
import sys

from local_azure.cli import log_output, tenant
from local_azure.cli.settings_formats import FORMATS
from local_azure.cli.signals import wait_for_shutdown

_HINTS = {
    "sh": "Paste these lines into the terminal in which you start your app.",
    "powershell": "Paste these lines into the PowerShell window in which you start your app.",
    "dotenv": "Save these lines as your app's .env file.",
    "json": "Copy these values into your app's local.settings.json.",
}
_DEFAULT_HINT = "Start your app with these settings."


def run(options: argparse.Namespace) -> int:
    """Print the settings and serve until this process is stopped."""
    log_output.configure("identity")
    with tenant.from_options(options) as azure:
        print(FORMATS[options.format](azure.environment(imds=options.imds)), flush=True)
        hint = _HINTS.get(options.format, _DEFAULT_HINT)
        # Not to standard output, which may be redirected to a file.
        print(f"{hint} The tenant runs until Ctrl+C.", file=sys.stderr, flush=True)
        wait_for_shutdown()
