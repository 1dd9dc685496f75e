"""Requests to the control plane of a running tenant."""

import sys
from collections.abc import Mapping
from typing import Any

import requests

from local_azure.cli.log_output import escape_control_chars
from local_azure.serving.local_client import TIMEOUT, local_session, tenant_unreachable


def send(method: str, url: str, command: str, values: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Send a command and return the response, or print the tenant's error and return None.

    Raises StartError if the tenant does not respond.
    """
    given = {name: value for name, value in (values or {}).items() if value is not None}
    arguments: dict[str, Any] = {"params" if method == "GET" else "json": given or None}
    try:
        with local_session() as session:
            response = session.request(method, f"{url.rstrip('/')}/local-azure/{command}", timeout=TIMEOUT, **arguments)
        result: dict[str, Any] = response.json()
    except (requests.RequestException, ValueError):
        raise tenant_unreachable(url) from None
    if response.ok:
        return result
    message = str(result.get("message") or result.get("error_description"))
    print(f"local_azure: {escape_control_chars(message)}", file=sys.stderr)
    return None
