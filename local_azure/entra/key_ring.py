"""The tenant's signing keys, generated and stored on this machine."""

import base64
import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local_azure.serving import private_files
from local_azure.serving.errors import StartError

FILE = "signing-keys.pem"
_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair and its self-signed certificate."""

    private: rsa.RSAPrivateKey
    certificate: bytes

    @property
    def kid(self) -> str:
        """The certificate's SHA-1 thumbprint in base64url, which Entra also uses as the `kid`."""
        return _base64url(hashlib.sha1(self.certificate, usedforsecurity=False).digest())

    def jwk(self) -> dict[str, Any]:
        """Return the public key as a JWK. Like Entra's keys, the JWK has a certificate and no `alg`."""
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
    """The keys that the tenant publishes, stored in a private file in `folder`. The last key signs new tokens."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.keys = self._load()

    @property
    def current(self) -> SigningKey:
        """The key that signs new tokens."""
        return self.keys[-1]

    def public(self, kid: str) -> rsa.RSAPublicKey | None:
        """Return the published key with this `kid`, or None."""
        return next((key.private.public_key() for key in self.keys if key.kid == kid), None)

    def rotate(self) -> SigningKey:
        """Publish a new key and sign new tokens with it. Existing keys remain published."""
        self.keys.append(_new_key())
        self._save()
        return self.current

    def remove(self, kid: str) -> bool:
        """Stop publishing a key and return whether the key existed. If no key remains, a new key is generated."""
        remaining = [key for key in self.keys if key.kid != kid]
        found = len(remaining) < len(self.keys)
        self.keys = remaining or [_new_key()]
        self._save()
        return found

    def _load(self) -> list[SigningKey]:
        try:
            return _keys(private_files.create_once(self._file, lambda: _pem(_new_key())))
        except ValueError:
            raise StartError(f"{self._file} does not contain valid signing keys. Delete the file.") from None

    def _save(self) -> None:
        private_files.write(self._file, b"".join(map(_pem, self.keys)))


_BEGIN_KEY = b"-----BEGIN PRIVATE KEY-----"


def _keys(pem: bytes) -> list[SigningKey]:
    certificates = x509.load_pem_x509_certificates(pem)
    privates = [
        serialization.load_pem_private_key(_BEGIN_KEY + part, password=None) for part in pem.split(_BEGIN_KEY)[1:]
    ]
    return [
        SigningKey(key, certificate.public_bytes(serialization.Encoding.DER))
        for key, certificate in zip(privates, certificates, strict=True)
        if isinstance(key, rsa.RSAPrivateKey)
    ]


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
