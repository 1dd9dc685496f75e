"""The local certificate authority: made once, kept across restarts, so that running processes go on trusting it."""

import os
import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from local_azure.serving import private_files
from local_azure.serving.errors import StartError
from local_azure.serving.ports import LOOPBACK

CA_FILE = "ca.pem"  # certificate and key
BUNDLE_FILE = "ca-bundle.crt"

# requests; OpenSSL (aiohttp, Ruby, curl) and Go; Node. The first two replace the public roots.
SETTINGS = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")

_BEGIN_KEY = b"-----BEGIN EC PRIVATE KEY-----"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


class Certificates:
    """A CA of our own, in `folder`, and what it signs. `bundle` is the file to hand on.

    It holds the public roots (and those that this machine's settings name, a company proxy's for one) beside the
    local CA: clients have one setting for all, and their other https calls have to go on working.
    """

    def __init__(self, folder: Path) -> None:
        import trustme

        folder = folder.resolve()
        self.bundle = folder / BUNDLE_FILE
        file = folder / CA_FILE
        certificate, _, key = private_files.create_once(file, _new_authority).partition(_BEGIN_KEY)
        try:
            self._ca = trustme.CA.from_pem(certificate, _BEGIN_KEY + key)
        except ValueError:
            raise StartError(f"{file} is not readable as a certificate authority: delete it.") from None
        private_files.write(self.bundle, b"\n".join(self._trusted()), mode=0o644)

    def server_context(self) -> ssl.SSLContext:
        """TLS for a server on this machine, with a certificate that is made for this start only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(LOOPBACK, "localhost", "::1").configure_cert(context)
        return context

    @property
    def _pem(self) -> bytes:
        pem: bytes = self._ca.cert_pem.bytes()
        return pem

    def _trusted(self) -> Iterable[bytes]:
        """Each certificate once, though the files that are named often hold the same."""
        import certifi

        named = [Path(os.environ[name]) for name in SETTINGS if os.environ.get(name)]
        files = [file.read_bytes() for file in (Path(certifi.where()), *named) if file.is_file()]
        return dict.fromkeys(block for pem in (*files, self._pem) for block in _CERTIFICATE.findall(pem))


def _new_authority() -> bytes:
    import trustme

    authority = trustme.CA(organization_unit_name="local_azure")
    pem: bytes = authority.cert_pem.bytes() + authority.private_key_pem.bytes()
    return pem
