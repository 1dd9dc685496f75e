"""HTTP requests to a tenant that runs on this machine."""

import requests

from local_azure.serving.errors import StartError

TIMEOUT = 10  # seconds


def local_session() -> requests.Session:
    """Return a session without proxies and without credentials from .netrc."""
    session = requests.Session()
    session.trust_env = False
    return session


def tenant_unreachable(origin: str) -> StartError:
    """Return the error for an origin at which no tenant responds."""
    return StartError(
        f"No local tenant responds at {origin}. Run python -m local_azure serve, or change the address with --url."
    )
