"""The tenant's signing keys: made here, kept for their owner only, published without the private half."""

import base64
import datetime
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

FILE = "signing-keys.pem"
_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its self-signed certificate. As on Entra, `kid` is the certificate's SHA-1 thumbprint."""

    private: rsa.RSAPrivateKey
    certificate: bytes

    @property
    def kid(self) -> str:
        """Base64url of the thumbprint."""
        return _base64url(hashlib.sha1(self.certificate, usedforsecurity=False).digest())

    def jwk(self) -> dict[str, Any]:
        """The public half as Entra publishes it: with a certificate, without `alg`."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
            "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)),
            "x5c": [base64.b64encode(self.certificate).decode()],
        }


class KeyRing:
    """The keys that the tenant publishes; the last one signs. Kept in `folder` across restarts, for its owner only."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.keys = self._load() or [_new_key()]
        self._save()

    @property
    def current(self) -> SigningKey:
        """The key that new tokens are signed with."""
        return self.keys[-1]

    def _load(self) -> list[SigningKey]:
        if not self._file.exists():
            return []
        pem = self._file.read_bytes()
        certificates = x509.load_pem_x509_certificates(pem)
        privates = pem.split(_BEGIN_KEY)[1:]
        keys = [serialization.load_pem_private_key(_BEGIN_KEY + part, password=None) for part in privates]
        return [
            SigningKey(key, certificate.public_bytes(serialization.Encoding.DER))
            for key, certificate in zip(keys, certificates, strict=True)
            if isinstance(key, rsa.RSAPrivateKey)
        ]

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._file.parent / ".gitignore").write_text("*\n")
        # Opened with the right mode: a chmod afterwards would leave a moment in which others can read.
        part = self._file.with_suffix(f".{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for key in self.keys:
                file.write(_pem(key))
        part.replace(self._file)


_BEGIN_KEY = b"-----BEGIN PRIVATE KEY-----"


def _pem(key: SigningKey) -> bytes:
    private = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = x509.load_der_x509_certificate(key.certificate)
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _new_key() -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "local_azure signing key")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=5 * 365))
        .sign(private, hashes.SHA256())
    )
    return SigningKey(private, certificate.public_bytes(serialization.Encoding.DER))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
