"""The default ports and state folder."""

from pathlib import Path

HTTP_PORT, HTTPS_PORT = 8400, 8443
STATE = Path(".local_azure")
