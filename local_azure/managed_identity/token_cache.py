"""The platform's cache of managed identities' tokens.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq: tokens are cached
per resource for about 24 hours. Neither a request nor a restart of the app bypasses the cache.
"""

import logging

from local_azure.entra.errors import TokenRequestError
from local_azure.entra.token_issuer import Token, TokenIssuer
from local_azure.tenant.principals import ManagedIdentity

RENEWAL_MARGIN = 300  # seconds; a cached token is valid for longer than this

log = logging.getLogger(__name__)


class ManagedIdentityTokenCache:
    """Issues tokens and caches them per identity and exact resource: another spelling is another entry.

    Errors are never cached. Without `enabled`, neither are tokens.
    """

    def __init__(self, issuer: TokenIssuer, *, enabled: bool = True) -> None:
        self._issuer = issuer
        self._enabled = enabled
        self._tokens: dict[tuple[str, str], Token] = {}

    def get(self, identity: ManagedIdentity, resource: str) -> Token:
        """Return a token of this identity for the API named by `resource`. Raises TokenRequestError."""
        key = (identity.client_id, resource)
        cached = self._tokens.get(key)
        if cached is not None and self._issuer.clock() < cached.expires_on - RENEWAL_MARGIN:
            _log(identity, cached, "from the cache")
            return cached
        try:
            token = self._issuer.issue_app_token(identity, resource)
        except TokenRequestError as error:
            # The app sees only a generic error; on the platform, this line is in logs that only Microsoft can read.
            log.warning("%s: no token for %s: %s", identity.name, resource, error.text)
            raise
        if self._enabled:
            self._tokens[key] = token
        _log(identity, token, "new")
        return token

    def seconds_left(self, token: Token) -> int:
        """Return the remaining lifetime of a token."""
        return token.expires_on - int(self._issuer.clock())

    def clear(self) -> int:
        """Remove all tokens, as if 24 hours had passed, and return how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count


def _log(identity: ManagedIdentity, token: Token, source: str) -> None:
    roles = ", ".join(token.roles) or "none"
    log.info("%s: token for %s, roles: %s (%s)", identity.name, token.resource, roles, source)
