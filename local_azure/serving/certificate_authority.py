"""The local certificate authority, which can issue certificates for loopback addresses only.

Processes trust the authority in addition to the public roots. Without name constraints (RFC 5280 section 4.2.1.10),
anyone who can read the authority's key could impersonate any host to these processes.
"""

import base64
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LIFETIME = datetime.timedelta(days=365)
RENEWAL_MARGIN = datetime.timedelta(days=30)  # minimum remaining validity when a process starts

_NAME = "local_azure"
_BASIC_CONSTRAINTS = x509.BasicConstraints(ca=True, path_length=0)
_NAME_CONSTRAINTS = x509.NameConstraints(
    permitted_subtrees=[
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
        x509.IPAddress(ipaddress.ip_network("::1/128")),
    ],
    excluded_subtrees=None,
)
_KEY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def create_authority() -> bytes:
    """Return a new CA certificate and private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The number distinguishes authorities in different state folders.
    number = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{_NAME} {number:x}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(_BASIC_CONSTRAINTS, critical=True)
        .add_extension(_NAME_CONSTRAINTS, critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def is_current(pem: bytes) -> bool:
    """Return whether a CA has all constraints and does not expire soon. Raises ValueError if `pem` is invalid."""
    certificate = x509.load_pem_x509_certificate(pem)
    critical = {extension.oid: extension.value for extension in certificate.extensions if extension.critical}
    remaining = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return (
        critical.get(_BASIC_CONSTRAINTS.oid) == _BASIC_CONSTRAINTS
        and critical.get(_NAME_CONSTRAINTS.oid) == _NAME_CONSTRAINTS
        and RENEWAL_MARGIN < remaining <= LIFETIME
    )


def is_outdated(pem: bytes) -> bool:
    """Return whether this certificate belongs to a local authority that is no longer current."""
    try:
        # Public roots are not parsed, because some are not compliant and cryptography would print warnings.
        return _NAME.encode() in base64.b64decode(b"".join(pem.splitlines()[1:-1])) and not is_current(pem)
    except ValueError:
        return False
