"""Tokens of managed identities, kept for a day as the platform's back end does.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq: kept per resource
for about 24 hours, with no way to refresh; a restart of the app does not help.
"""

import logging

from local_azure.principals import ManagedIdentity
from local_azure.refusals import Refused
from local_azure.tokens import Issuer, Token

LEFT = 300  # seconds that a kept token still has to be good for

log = logging.getLogger(__name__)


class IdentityTokens:
    """Gives out tokens and keeps them, per identity and exact resource: another spelling is another token.

    Whether `keep` or not, what Entra refuses is not kept.
    """

    def __init__(self, issuer: Issuer, *, keep: bool = True) -> None:
        self._issuer = issuer
        self._keep = keep
        self._kept: dict[tuple[str, str], Token] = {}

    def get(self, identity: ManagedIdentity, resource: str) -> Token:
        """A token of this identity for the API that `resource` names. Raises Refused."""
        place = (identity.client_id, resource)
        kept = self._kept.get(place)
        if kept is not None and self._issuer.clock() < kept.expires_on - LEFT:
            _log(identity, kept, "from the cache")
            return kept
        try:
            token = self._issuer.for_application(identity, resource)
        except Refused as refused:
            # The caller learns nothing; on the platform this stays in logs that nobody but Microsoft can read.
            log.warning("%s: no token for %s: %s", identity.name, resource, refused.text)
            raise
        if self._keep:
            self._kept[place] = token
        _log(identity, token, "new")
        return token

    def seconds_left(self, token: Token) -> int:
        """For how long the token is still good."""
        return token.expires_on - int(self._issuer.clock())

    def forget(self) -> int:
        """Forget all kept tokens, as if a day had passed. Returns how many there were."""
        count = len(self._kept)
        self._kept.clear()
        return count


def _log(identity: ManagedIdentity, token: Token, origin: str) -> None:
    roles = ", ".join(token.roles) or "none"
    log.info("%s: token for %s, roles: %s (%s)", identity.name, token.resource, roles, origin)
