"""Create valid and forged tokens: any header and claims, also as raw bytes, signed with any key."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local_azure.cloud import LocalAzure
from local_azure.entra import crafted_token
from tests.support.users import DEVELOPER

GONE: Any = object()  # as a value in `changes`: omit the member

CALLER = "1de00001-c11d-4000-8000-000000000000"
CALLER_OBJECT = "1de00001-0b1d-4000-8000-000000000000"
USER_OBJECT = "05e50001-0b1d-4000-8000-000000000000"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(value: Any) -> str:
    """Return a JSON value, or raw bytes, as a base64url segment of a token."""
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


class Forge:
    """A token factory for one API of a tenant. `changes` replace members of the claims or header; GONE omits one."""

    def __init__(self, azure: LocalAzure, api: str = "aad-func") -> None:
        self.azure = azure
        self.api = next(app for app in azure.directory.applications if app.name == api)
        self.key = azure.keys.current.private
        self.kid = azure.keys.current.kid

    def claims(self, *, version: int = 2, user: bool = False, **changes: Any) -> dict[str, Any]:
        """Return valid claims with `changes`, of an identity or a user with the role, without `idtyp`."""
        api, audience = ("aad-func", self.api.client_id) if version == 2 else ("aad-func-v1", self.api.app_id_uris[0])
        subject = {"user": DEVELOPER} if user else {}
        issued = crafted_token.payload(self.azure.directory, self.azure.issuer, api, **subject)
        claims = {**issued, "aud": audience, "idtyp": GONE, **changes}
        return {name: value for name, value in claims.items() if value is not GONE}

    def header(self, **changes: Any) -> dict[str, Any]:
        header = {"typ": "JWT", "alg": "RS256", "kid": self.kid, **changes}
        return {name: value for name, value in header.items() if value is not GONE}

    def sign(self, claims: Any, header: Any = None, *, key: rsa.RSAPrivateKey | None = None) -> str:
        """Return a token with a valid signature over any claims and header, given as objects or raw bytes."""
        signed = f"{encode(self.header() if header is None else header)}.{encode(claims)}"
        signature = (key or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"

    def token(self, *, version: int = 2, user: bool = False, **changes: Any) -> str:
        """Return a token that is valid except for `changes`."""
        return self.sign(self.claims(version=version, user=user, **changes))
