"""The managed identity token cache, which on Azure is part of the platform.

Azure caches tokens per resource for about 24 hours. Neither a request nor a restart of the app bypasses the cache:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
"""

import logging
from collections.abc import Callable

from local_azure.entra.errors import TokenRequestError
from local_azure.entra.token_issuer import Token, TokenIssuer
from local_azure.tenant.principals import ManagedIdentity

RENEWAL_MARGIN = 300  # minimum remaining validity of a cached token, in seconds

log = logging.getLogger(__name__)


class ManagedIdentityTokenCache:
    """Issues tokens and caches them by identity and resource. Each spelling of a resource has a separate entry.

    `clock` returns seconds and determines when entries expire. Errors are not cached. If `enabled` is false, tokens are
    not cached either.
    """

    def __init__(self, issuer: TokenIssuer, clock: Callable[[], float], *, enabled: bool = True) -> None:
        self._issuer = issuer
        self._clock = clock
        self._enabled = enabled
        self._entries: dict[tuple[str, str], tuple[Token, float]] = {}

    def get(self, identity: ManagedIdentity, resource: str) -> Token:
        """Return a token of this identity for the API named by `resource`. Raises TokenRequestError."""
        key = (identity.client_id, resource)
        cached, expires = self._entries.get(key, (None, 0.0))
        if cached is not None and self._clock() < expires:
            _log(identity, cached, "from the cache")
            return cached
        try:
            token = self._issuer.issue_app_token(identity, resource)
        except TokenRequestError as error:
            # App Service's endpoint returns only a generic error. On Azure, only Microsoft can see the reason.
            log.warning("%s: no token for %s: %s", identity.name, resource, error.text)
            raise
        if self._enabled:
            self._entries[key] = token, self._clock() + self.seconds_left(token) - RENEWAL_MARGIN
        _log(identity, token, "new")
        return token

    def seconds_left(self, token: Token) -> int:
        """Return the remaining lifetime of a token in seconds."""
        return token.expires_on - int(self._issuer.clock())

    def clear(self) -> int:
        """Remove all tokens and return the number of removed tokens."""
        count = len(self._entries)
        self._entries.clear()
        return count

    def remove_expired(self) -> int:
        """Remove expired tokens and return the number of removed tokens."""
        count = len(self._entries)
        self._entries = {key: entry for key, entry in self._entries.items() if self._clock() < entry[1]}
        return count - len(self._entries)


def _log(identity: ManagedIdentity, token: Token, source: str) -> None:
    roles = ", ".join(token.roles) or "none"
    log.info("%s: token for %s, roles: %s (%s)", identity.name, token.resource, roles, source)
