"""The app's own identity: selection of the azure-identity credential, and cached access tokens.

https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncSupportsTokenInfo
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from common.process_wide import process_wide
from msi_func.http_session import IdentityTransport
from msi_func.token_cache import TokenCache
from msi_func.token_errors import check_token, problem_for
from msi_func.token_rejection import TokenRejection

ATTEMPT_TIMEOUT = 4  # seconds, for one attempt at the identity endpoint or Entra
RETRIES = 1
ENDPOINT_TIME_LIMIT = 15  # seconds, for one token request to the identity endpoint including retries
SIGN_IN_TIME_LIMIT = 60  # seconds, for a developer's credential, which may run a command or wait for a person

log = logging.getLogger(__name__)


class IgnoreRetryAfterPolicy(AsyncRetryPolicy[Any, Any]):
    """A retry policy that ignores Retry-After, because all callers wait for the same token request."""

    def get_retry_after(self, response: Any) -> None:
        """Return None, so that the default backoff applies."""


def has_managed_identity() -> bool:
    """Return whether the platform provides an identity endpoint, as App Service does for apps with an identity."""
    return bool(os.environ.get("IDENTITY_ENDPOINT"))


class AppTokenSource:
    """Base class of this app's identities. Equal identities share one cached token per scope in a process."""

    __slots__ = ()

    async def get_token(self, scope: str) -> str:
        """Return a cached or new access token for `scope`. Raises `token_unavailable`."""
        return await token_cache_for(self, scope).get(lambda: self.request_token(scope))

    async def renew_token(self, scope: str, rejection: TokenRejection) -> str:
        """Return a newer token than the rejected one, or the rejected one if there is none."""
        return await token_cache_for(self, scope).renew(
            rejection.token, lambda: self.request_token(scope, rejection.claims), older_than=rejection.older_than
        )

    async def request_token(self, scope: str, claims: str | None = None) -> AccessTokenInfo:
        """Request a new access token. Raises `token_unavailable`."""
        raise NotImplementedError


@process_wide
def token_cache_for(identity: AppTokenSource, scope: str) -> TokenCache:
    """Return this process's cache for the token of `identity` for `scope`.

    APIs with the same scope share the cache. Entra treats them as one resource, so a token that satisfies the claims
    challenge of one API is valid for the others.
    """
    return TokenCache()


@dataclass(frozen=True, slots=True)
class AppIdentity(AppTokenSource):
    """This app's managed identity, or on a developer's machine the identity that DefaultAzureCredential finds.

    `client_id` is the client ID of a user-assigned identity, or None for the system-assigned identity.
    """

    client_id: str | None = None

    @property
    def kind(self) -> str:
        """The kind of credential, for logs and the Server-Timing header."""
        return "managed identity" if has_managed_identity() else "default credential"

    @property
    def can_renew(self) -> bool:
        """Whether a new request can return another token. The platform caches a managed identity's token for a day."""
        return not has_managed_identity()

    async def request_token(self, scope: str, claims: str | None = None) -> AccessTokenInfo:
        """Request an access token. Raises `token_unavailable` with the likely cause."""
        try:
            async with asyncio.timeout(ENDPOINT_TIME_LIMIT if has_managed_identity() else SIGN_IN_TIME_LIMIT):
                token = await self._credential().get_token_info(scope, options=token_options(claims))
            check_token(token, scope)
        except Exception as error:  # azure-identity raises more than its documented exceptions, such as KeyError.
            problem = problem_for(error, scope, self.client_id, is_managed=has_managed_identity())
            log.warning("No token for %s (%s): %s", scope, self.kind, problem.detail)
            raise problem from None
        log.info("New token for %s (%s).", scope, self.kind)
        return token

    def _credential(self) -> AsyncSupportsTokenInfo:
        """Return a new credential, so that its internal cache is empty.

        On App Service it is a ManagedIdentityCredential. Elsewhere it is a DefaultAzureCredential, whose chain
        AZURE_TOKEN_CREDENTIALS can restrict.
        """
        if has_managed_identity():
            return ManagedIdentityCredential(client_id=self.client_id, **transport_options())
        # None would override AZURE_CLIENT_ID, so the argument is omitted.
        named = {"managed_identity_client_id": self.client_id} if self.client_id else {}
        return DefaultAzureCredential(transport=IdentityTransport(), **named)


def token_options(claims: str | None) -> TokenRequestOptions:
    """Return the options of a token request. `claims` are those of a claims challenge, if there is one."""
    return {"claims": claims} if claims else {}


def transport_options() -> dict[str, Any]:
    """Return a credential's options for this app's transport, timeouts and retry policy."""
    return {
        "transport": IdentityTransport(connection_timeout=ATTEMPT_TIMEOUT, read_timeout=ATTEMPT_TIMEOUT),
        "retry_total": RETRIES,
        "retry_policy_class": IgnoreRetryAfterPolicy,
    }
