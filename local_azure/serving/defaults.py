"""Default ports and folders."""

from pathlib import Path

HTTP_PORT, HTTPS_PORT = 8400, 8443
STATE = Path(".local_azure")
