"""What Entra puts into an access token, version 1 and 2, and who gets one.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. The version is the setting of the
API that the token is for; who asks, and how, has no say in it.
"""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import jwt

from local_azure.directory import Directory
from local_azure.keys import KeyRing
from local_azure.principals import Application, Principal, ServicePrincipal, User
from local_azure.refusals import Refused

# Seconds. A managed identity's token is good for 24 hours, another's for about one, and each 5 minutes into the past
# for clocks that differ.
MANAGED_IDENTITY_LIFETIME = 86_400
LIFETIME = 3600
BACKDATED = 300

# How a client proved who it is: not at all, with a secret, with a certificate (which managed identities do).
PUBLIC, SECRET, CERTIFICATE = "0", "1", "2"

MFA = "mfa"  # in `amr`: the user gave a second factor


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token, and what a log line or a response says beside it."""

    value: str
    resource: str
    not_before: int
    expires_on: int
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()


class Issuer:
    """Mints tokens of one tenant. `origin` is where its issuer lives, on this machine and in no cloud."""

    def __init__(
        self, directory: Directory, keys: KeyRing, origin: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._origin = origin
        self.clock = clock

    def issuer(self, version: int) -> str:
        """The `iss` of a token version, in the form that Entra gives it: with a trailing slash in version 1."""
        return f"{self._origin}/{self._directory.tenant_id}/" + ("v2.0" if version == 2 else "")

    def for_application(
        self,
        principal: ServicePrincipal,
        resource: str,
        *,
        lifetime: int = MANAGED_IDENTITY_LIFETIME,
        proof: str = CERTIFICATE,
    ) -> Token:
        """An app-only token for the API that `resource` names. Raises Refused.

        Without assignment anybody in the tenant gets one, unless the API requires it:
        https://learn.microsoft.com/entra/identity-platform/howto-restrict-your-app-to-a-set-of-users
        """
        api = self._api(resource)
        if api.assignment_required and not self._directory.is_assigned(principal, api):
            raise Refused(501051, principal=principal.client_id, api=api.client_id)
        claims = {
            **_client(principal.client_id, api, proof),
            **({"idp": self.issuer(1)} if api.token_version == 1 else {}),
            **({"idtyp": "app"} if "idtyp" in api.optional_claims else {}),
            "oid": principal.object_id,
            "sub": principal.object_id,
        }
        return self._token(principal, api, resource, lifetime, claims)

    def for_user(
        self,
        user: User,
        client_id: str,
        resource: str,
        scopes: Iterable[str] | None,
        *,
        mfa: bool = False,
        proof: str = PUBLIC,
    ) -> Token:
        """A token with which a client acts for a user; None is `.default`, all that it has consent for. Raises Refused.

        `mfa` says that the user gave a second factor. A scope for administrators is left out for others: Entra would
        put it in and Graph look at the user's directory roles.
        """
        api = self._api(resource)
        if api.assignment_required and not self._directory.is_assigned(user, api):
            raise Refused(50105, principal=user.name, api=api.client_id)
        for value in scopes or ():
            if value not in (scope.value for scope in api.scopes):
                raise Refused(650053, scope=value, api=api.name)
        consented = self._directory.consented(user, client_id, api)
        if not consented.issuperset(scopes or ()):
            raise Refused(65001, client=client_id)
        asked = consented if scopes is None else scopes
        granted = [scope.value for scope in api.scopes if scope.value in asked and (user.admin or not scope.admin)]
        if not granted:
            raise Refused(65001, client=client_id)
        policy = self._directory.mfa_policy(user, api)
        if policy and not mfa:
            raise Refused(50076, claims=policy.claims, api=api.client_id)
        # Another subject for each API, so that two of them cannot compare their users.
        subject = hashlib.sha256(f"{user.object_id}{api.client_id}".encode()).digest()
        name = {"preferred_username": user.name} if api.token_version == 2 else {"unique_name": user.name}
        claims = {
            **_client(client_id, api, proof),
            **name,
            **({"amr": ["pwd", MFA]} if mfa else {}),
            "oid": user.object_id,
            "scp": " ".join(granted),
            "sub": _base64url(subject),
        }
        return replace(self._token(user, api, resource, LIFETIME, claims), scopes=tuple(granted))

    def _api(self, resource: str) -> Application:
        api = self._directory.api(resource)
        if api is None:
            raise Refused(500011, resource=resource, tenant=self._directory.name)
        return api

    def _token(
        self, principal: Principal, api: Application, resource: str, lifetime: int, claims: dict[str, Any]
    ) -> Token:
        roles = self._directory.roles(principal, api)
        now = int(self.clock())
        everything: dict[str, Any] = {
            "aud": api.client_id if api.token_version == 2 else resource,
            "iss": self.issuer(api.token_version),
            "iat": now - BACKDATED,
            "nbf": now - BACKDATED,
            "exp": now + lifetime,
            "aio": _opaque(24),
            **claims,
            "rh": f"1.{_opaque(24)}.",
            # A token without roles has no such claim, rather than an empty one.
            **({"roles": roles} if roles else {}),
            "tid": self._directory.tenant_id,
            "uti": _opaque(16),
            "ver": f"{api.token_version}.0",
        }
        value = self._sign(everything, api.token_version)
        return Token(value, resource, everything["nbf"], everything["exp"], tuple(roles))

    def _sign(self, claims: dict[str, Any], version: int) -> str:
        key = self._keys.current
        header = {"kid": key.kid, **({"x5t": key.kid} if version == 1 else {})}
        return jwt.encode(claims, key.private, algorithm="RS256", headers=header)


def _client(client_id: str, api: Application, proof: str) -> dict[str, str]:
    version_2 = {"azp": client_id, "azpacr": proof}
    return version_2 if api.token_version == 2 else {"appid": client_id, "appidacr": proof}


def _opaque(size: int) -> str:
    return _base64url(os.urandom(size))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
