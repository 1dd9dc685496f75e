"""Where things are unless an option says otherwise."""

from pathlib import Path

HTTP_PORT, HTTPS_PORT = 8400, 8443
STATE = Path(".local_azure")
