"""The `token` command, which prints a user's access token from a running tenant."""

import argparse

from local_azure.cli import control_client
from local_azure.serving.local_client import tenant_unreachable


def run(options: argparse.Namespace) -> int:
    """Print the token and return 0, or return 1 if the tenant rejects the request."""
    values = {"user": options.user, "scope": options.scope, "client_id": options.client_id, "mfa": options.mfa}
    response = control_client.send("POST", options.url, "user-token", values)
    if response is None:
        return 1
    if "access_token" not in response:
        raise tenant_unreachable(options.url)
    print(response["access_token"])
    return 0
