"""Server certificates for this machine, and a CA bundle for clients.

The local certificate authority survives restarts, so that running processes continue to trust the tenant.
"""

import os
import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from local_azure.serving import private_files
from local_azure.serving.certificate_authority import create_authority, is_current, is_outdated
from local_azure.serving.errors import StartError
from local_azure.serving.ports import LOOPBACK

CA_FILE = "ca.pem"  # certificate and private key
BUNDLE_FILE = "ca-bundle.crt"

# REQUESTS_CA_BUNDLE is for requests, SSL_CERT_FILE for OpenSSL (aiohttp, Ruby, curl) and Go, and NODE_EXTRA_CA_CERTS
# for Node. The first two replace the public roots.
SETTINGS = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")

_BEGIN_KEY = b"-----BEGIN EC PRIVATE KEY-----"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


class Certificates:
    """The local certificate authority in `folder`. `bundle` is the file of CA certificates for clients.

    An authority is replaced if it lacks the current constraints or expires soon. The bundle contains the public roots,
    the local authority, and the roots in the files that the variables in SETTINGS name, such as a company proxy's. A
    client uses one bundle for all hosts, so requests to other hosts need the other roots.
    """

    def __init__(self, folder: Path) -> None:
        import trustme

        folder = folder.resolve()
        self.bundle = folder / BUNDLE_FILE
        file = folder / CA_FILE
        try:
            self._certificate, _, key = private_files.create_once(file, create_authority, is_current).partition(
                _BEGIN_KEY
            )
            self._ca = trustme.CA.from_pem(self._certificate, _BEGIN_KEY + key)
        except ValueError:
            raise StartError(f"{file} does not contain a valid certificate authority. Delete the file.") from None
        private_files.write(self.bundle, b"\n".join(self._trusted()), mode=0o644)

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS context with a new certificate for a server on this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(LOOPBACK, "localhost", "::1").configure_cert(context)
        return context

    def _trusted(self) -> Iterable[bytes]:
        """Return the trusted certificates without duplicates, which occur if a variable names an earlier bundle."""
        import certifi

        trusted = dict.fromkeys(_CERTIFICATE.findall(Path(certifi.where()).read_bytes()))
        for file in {Path(os.environ[name]) for name in SETTINGS if os.environ.get(name)}:
            blocks = _CERTIFICATE.findall(file.read_bytes()) if file.is_file() else []
            trusted |= dict.fromkeys(block for block in blocks if block not in trusted and not is_outdated(block))
        return [*trusted, self._certificate] if self._certificate not in trusted else trusted
