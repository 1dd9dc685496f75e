"""Validate client assertions, which replace secrets, and user assertions, which are access tokens of users.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from local_azure.entra import token_validation
from local_azure.entra.errors import TokenRequestError
from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_issuer import MFA, TokenIssuer
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import Application, FederatedCredential, User

_NO_LEEWAY = 0  # seconds; Entra's error messages show that an assertion's lifetime is checked to the millisecond


@dataclass(frozen=True, slots=True)
class UserAssertion:
    """The user of a valid assertion. `mfa` is true if the user signed in with a second factor."""

    user: User
    mfa: bool


class AssertionValidator:
    """Validates assertions that this tenant issued. Assertions of other issuers are never trusted."""

    def __init__(self, directory: Directory, keys: KeyRing, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._keys = keys
        self._issuer = issuer

    def validate_client_assertion(self, client: Application, assertion: str) -> None:
        """Require that one of the client's federated credentials trusts the assertion. Raises TokenRequestError.

        Issuer and subject are compared case-sensitively.
        """
        issuer = _unverified_issuer(assertion)
        credentials = [one for one in client.federated_credentials if self._issuer_of(one) == issuer]
        if not credentials:
            raise TokenRequestError(700211, value=issuer)
        try:
            claims = token_validation.validate(
                assertion, self._keys.public, self._issuer.issuer(2), None, leeway=_NO_LEEWAY
            )
        except token_validation.TokenLifetimeError:
            raise TokenRequestError(700024) from None
        except token_validation.InvalidToken:
            raise TokenRequestError(700027, client=client.client_id) from None
        if not _is_app_only(claims):
            raise TokenRequestError(700229)
        credentials = [one for one in credentials if one.subject == claims.get("sub")]
        if not credentials:
            raise TokenRequestError(700213, value=str(claims.get("sub")))
        if not any(self._is_audience(claims, one) for one in credentials):
            raise TokenRequestError(700212, value=str(claims["aud"]))

    def validate_user_assertion(self, client: Application, assertion: str) -> UserAssertion:
        """Return the user of an access token that was issued for this client. Raises TokenRequestError."""
        audiences = [client.client_id, *client.app_id_uris]
        issuer = self._issuer.issuer(client.token_version)
        try:
            claims = token_validation.validate(assertion, self._keys.public, issuer, audiences, leeway=_NO_LEEWAY)
        except token_validation.MalformedToken:
            raise TokenRequestError(50027) from None
        except token_validation.TokenLifetimeError:
            raise TokenRequestError(500133) from None
        except token_validation.WrongAudience:
            raise TokenRequestError(500131, client=client.client_id) from None
        except token_validation.InvalidToken:
            raise TokenRequestError(50013) from None
        if _is_app_only(claims):
            raise TokenRequestError(7000114, client=str(claims.get("azp") or claims.get("appid")))
        user = next((one for one in self._directory.users if one.object_id == claims.get("oid")), None)
        if user is None or "scp" not in claims:
            raise TokenRequestError(50013)
        return UserAssertion(user, MFA in claims.get("amr", ()))

    def _issuer_of(self, credential: FederatedCredential) -> str:
        return credential.issuer or self._issuer.issuer(2)

    def _is_audience(self, claims: Mapping[str, Any], credential: FederatedCredential) -> bool:
        # The credential contains an App ID URI, but the `aud` of a version 2 token is the API's client ID.
        exchange = self._directory.api(credential.audience)
        return exchange is not None and claims["aud"] == exchange.client_id


def _unverified_issuer(assertion: str) -> str:
    try:
        return str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
    except (jwt.PyJWTError, ValueError):
        raise TokenRequestError(50027) from None


def _is_app_only(claims: Mapping[str, Any]) -> bool:
    own = "scp" not in claims and claims.get("oid") is not None and claims.get("oid") == claims.get("sub")
    return own or claims.get("idtyp") == "app"
