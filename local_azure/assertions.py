"""Tokens that a client presents: one of a managed identity in place of a secret, and one of the user it acts for.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from local_azure import verifier
from local_azure.directory import Directory
from local_azure.keys import KeyRing
from local_azure.principals import Application, FederatedCredential, User
from local_azure.refusals import Refused
from local_azure.tokens import MFA, Issuer

_NO_LEEWAY = 0  # Entra says the time of both to the millisecond when it refuses one


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user whose token it is, and whether they gave a second factor."""

    user: User
    mfa: bool


class Assertions:
    """Checks assertions of this tenant's own making. Those of other issuers are never good here."""

    def __init__(self, directory: Directory, keys: KeyRing, issuer: Issuer) -> None:
        self._directory = directory
        self._keys = keys
        self._issuer = issuer

    def check_client(self, client: Application, assertion: str) -> None:
        """Is this a token of an identity that the client trusts as itself? Raises Refused.

        Issuer and subject have to be the credential's to the letter, upper and lower case included.
        """
        claimed = _claimed_issuer(assertion)
        trusted = [one for one in client.federated_credentials if self._issuer_of(one) == claimed]
        if not trusted:
            raise Refused(700211, value=claimed)
        try:
            claims = verifier.verify(assertion, self._keys.public, self._issuer.issuer(2), None, leeway=_NO_LEEWAY)
        except verifier.OutOfTime:
            raise Refused(700024) from None
        except verifier.BadToken:
            raise Refused(700027, client=client.client_id) from None
        if not _is_app_only(claims):
            raise Refused(700229)
        trusted = [one for one in trusted if one.subject == claims.get("sub")]
        if not trusted:
            raise Refused(700213, value=str(claims.get("sub")))
        if not any(self._is_meant(claims, one) for one in trusted):
            raise Refused(700212, value=str(claims["aud"]))

    def signed_in(self, client: Application, assertion: str) -> SignedIn:
        """Whose token for this client it is. Raises Refused."""
        audiences = [client.client_id, *client.app_id_uris]
        issuer = self._issuer.issuer(client.token_version)
        try:
            claims = verifier.verify(assertion, self._keys.public, issuer, audiences, leeway=_NO_LEEWAY)
        except verifier.Malformed:
            raise Refused(50027) from None
        except verifier.OutOfTime:
            raise Refused(500133) from None
        except verifier.WrongAudience:
            raise Refused(500131, client=client.client_id) from None
        except verifier.BadToken:
            raise Refused(50013) from None
        if _is_app_only(claims):
            raise Refused(7000114, client=str(claims.get("azp") or claims.get("appid")))
        user = next((one for one in self._directory.users if one.object_id == claims.get("oid")), None)
        if user is None or "scp" not in claims:
            raise Refused(50013)
        return SignedIn(user, MFA in claims.get("amr", ()))

    def _issuer_of(self, credential: FederatedCredential) -> str:
        return credential.issuer or self._issuer.issuer(2)

    def _is_meant(self, claims: Mapping[str, Any], credential: FederatedCredential) -> bool:
        # The credential names an App ID URI, the token (of version 2) has that application's client id.
        exchange = self._directory.api(credential.audience)
        return exchange is not None and claims["aud"] == exchange.client_id


def _claimed_issuer(assertion: str) -> str:
    try:
        return str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
    except (jwt.PyJWTError, ValueError):
        raise Refused(50027) from None


def _is_app_only(claims: Mapping[str, Any]) -> bool:
    own = "scp" not in claims and claims.get("oid") is not None and claims.get("oid") == claims.get("sub")
    return own or claims.get("idtyp") == "app"
