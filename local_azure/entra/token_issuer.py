"""Issue access tokens of version 1 and 2 under the same conditions as Entra.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. The token version depends on the
API's app registration, never on the request.
"""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import jwt

from local_azure.entra.errors import TokenRequestError
from local_azure.entra.key_ring import KeyRing
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import Application, Principal, ServicePrincipal, User

# Times in seconds. A managed identity's tokens are valid for 24 hours, other tokens for one hour. `nbf` is 5 minutes in
# the past, to allow for clock skew.
MANAGED_IDENTITY_LIFETIME = 86_400
LIFETIME = 3600
BACKDATED = 300

# Values of `azpacr` for a public client, a client secret, and a client certificate or assertion.
PUBLIC, SECRET, CERTIFICATE = "0", "1", "2"

MFA = "mfa"  # the value in `amr` for a second factor


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token with the values that responses and log lines contain."""

    value: str
    resource: str
    not_before: int
    expires_on: int
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()


class TokenIssuer:
    """Issues the access tokens of one tenant. The `iss` claim starts with `origin`, an address on this machine."""

    def __init__(
        self, directory: Directory, keys: KeyRing, origin: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._origin = origin
        self.clock = clock

    def issuer(self, version: int) -> str:
        """Return the `iss` claim for a token version. Only version 1 has a trailing slash, as in Entra's tokens."""
        return f"{self._origin}/{self._directory.tenant_id}/" + ("v2.0" if version == 2 else "")

    def issue_app_token(
        self,
        principal: ServicePrincipal,
        resource: str,
        *,
        lifetime: int = MANAGED_IDENTITY_LIFETIME,
        client_authentication: str = CERTIFICATE,
    ) -> Token:
        """Return an app-only token for the API with this App ID URI or client ID. Raises TokenRequestError.

        The principal needs an assignment only if the app registration requires assignment:
        https://learn.microsoft.com/entra/identity-platform/howto-restrict-your-app-to-a-set-of-users
        """
        api = self._api(resource)
        if api.assignment_required and not self._directory.is_assigned(principal, api):
            raise TokenRequestError(501051, principal=principal.client_id, api=api.client_id)
        claims = {
            **_client(principal.client_id, api, client_authentication),
            **({"idp": self.issuer(1)} if api.token_version == 1 else {}),
            **({"idtyp": "app"} if "idtyp" in api.optional_claims else {}),
            "oid": principal.object_id,
            "sub": principal.object_id,
        }
        return self._token(principal, api, resource, lifetime, claims)

    def issue_user_token(
        self,
        user: User,
        client_id: str,
        resource: str,
        scopes: Iterable[str] | None,
        *,
        mfa: bool = False,
        client_authentication: str = PUBLIC,
    ) -> Token:
        """Return a token with which a client acts on behalf of a user. Raises TokenRequestError.

        If `scopes` is None, the token contains all consented scopes, as for `.default`. With `mfa`, the user signed in
        with a second factor. Admin scopes are omitted unless the user is an administrator. Entra would include these
        scopes, and Graph would check the user's directory roles.
        """
        api = self._api(resource)
        if api.assignment_required and not self._directory.is_assigned(user, api):
            raise TokenRequestError(50105, principal=user.name, api=api.client_id)
        for value in scopes or ():
            if value not in (scope.value for scope in api.scopes):
                raise TokenRequestError(650053, scope=value, api=api.name)
        consented = self._directory.consented(user, client_id, api)
        if not consented.issuperset(scopes or ()):
            raise TokenRequestError(65001, client=client_id)
        requested = consented if scopes is None else scopes
        granted = [scope.value for scope in api.scopes if scope.value in requested and (user.admin or not scope.admin)]
        if not granted:
            raise TokenRequestError(65001, client=client_id)
        policy = self._directory.mfa_policy(user, api)
        if policy and not mfa:
            raise TokenRequestError(50076, claims=policy.claims, api=api.client_id)
        # A user's `sub` differs for each API, so that two APIs cannot correlate their users.
        subject = hashlib.sha256(f"{user.object_id}{api.client_id}".encode()).digest()
        name = {"preferred_username": user.name} if api.token_version == 2 else {"unique_name": user.name}
        claims = {
            **_client(client_id, api, client_authentication),
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
            raise TokenRequestError(500011, resource=resource, tenant=self._directory.name)
        return api

    def _token(
        self, principal: Principal, api: Application, resource: str, lifetime: int, claims: dict[str, Any]
    ) -> Token:
        roles = self._directory.roles(principal, api)
        now = int(self.clock())
        payload: dict[str, Any] = {
            "aud": api.client_id if api.token_version == 2 else resource,
            "iss": self.issuer(api.token_version),
            "iat": now - BACKDATED,
            "nbf": now - BACKDATED,
            "exp": now + lifetime,
            "aio": _opaque(24),
            **claims,
            "rh": f"1.{_opaque(24)}.",
            # If the principal has no roles, Entra omits the claim.
            **({"roles": roles} if roles else {}),
            "tid": self._directory.tenant_id,
            "uti": _opaque(16),
            "ver": f"{api.token_version}.0",
        }
        value = self._sign(payload, api.token_version)
        return Token(value, resource, payload["nbf"], payload["exp"], tuple(roles))

    def _sign(self, claims: dict[str, Any], version: int) -> str:
        key = self._keys.current
        header = {"kid": key.kid, **({"x5t": key.kid} if version == 1 else {})}
        return jwt.encode(claims, key.private, algorithm="RS256", headers=header)


def _client(client_id: str, api: Application, authentication: str) -> dict[str, str]:
    if api.token_version == 2:
        return {"azp": client_id, "azpacr": authentication}
    return {"appid": client_id, "appidacr": authentication}


def _opaque(size: int) -> str:
    return _base64url(os.urandom(size))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
