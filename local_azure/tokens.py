"""What Entra puts into an access token, version 1 and 2.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. The version is the setting of the
API that the token is for; who asks, and how, has no say in it.
"""

import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from local_azure.directory import Directory
from local_azure.keys import KeyRing
from local_azure.principals import Application, ManagedIdentity

# Seconds. A managed identity's token is good for 24 hours, and 5 minutes into the past for clocks that differ.
MANAGED_IDENTITY_LIFETIME = 86_400
BACKDATED = 300


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token, and what a log line or a response says beside it."""

    value: str
    resource: str
    expires_on: int
    roles: tuple[str, ...]


class Issuer:
    """Mints tokens of one tenant. `origin` is where its issuer lives, on this machine and in no cloud."""

    def __init__(
        self, directory: Directory, keys: KeyRing, origin: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._origin = origin
        self._clock = clock

    def issuer(self, version: int) -> str:
        """The `iss` of a token version, in the form that Entra gives it: with a trailing slash in version 1."""
        return f"{self._origin}/{self._directory.tenant_id}/" + ("v2.0" if version == 2 else "")

    def for_application(self, principal: Application | ManagedIdentity, api: Application, resource: str) -> Token:
        """An app-only token for `api`, asked for as `resource`."""
        roles = self._directory.roles(principal, api)
        now = int(self._clock())
        claims: dict[str, Any] = {
            "aud": api.client_id if api.token_version == 2 else resource,
            "iss": self.issuer(api.token_version),
            "iat": now - BACKDATED,
            "nbf": now - BACKDATED,
            "exp": now + MANAGED_IDENTITY_LIFETIME,
            "aio": _opaque(24),
            **_client(principal.client_id, api.token_version),
            **({"idp": self.issuer(1)} if api.token_version == 1 else {}),
            **({"idtyp": "app"} if "idtyp" in api.optional_claims else {}),
            "oid": principal.object_id,
            "rh": f"1.{_opaque(24)}.",
            # An app-only token without roles has no such claim, rather than an empty one.
            **({"roles": roles} if roles else {}),
            "sub": principal.object_id,
            "tid": self._directory.tenant_id,
            "uti": _opaque(16),
            "ver": f"{api.token_version}.0",
        }
        return Token(self._sign(claims, api.token_version), resource, claims["exp"], tuple(roles))

    def _sign(self, claims: dict[str, Any], version: int) -> str:
        key = self._keys.current
        header = {"kid": key.kid, **({"x5t": key.kid} if version == 1 else {})}
        return jwt.encode(claims, key.private, algorithm="RS256", headers=header)


def _client(client_id: str, version: int) -> dict[str, str]:
    # "2": the client proved itself with a certificate, which is what managed identities do.
    return {"azp": client_id, "azpacr": "2"} if version == 2 else {"appid": client_id, "appidacr": "2"}


def _opaque(size: int) -> str:
    return base64.urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode()
