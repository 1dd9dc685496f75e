"""The identities of this app: which azure-identity credential each uses, and their access tokens.

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

# In seconds, except RETRIES.
ATTEMPT_TIMEOUT = 4  # for one request to the identity endpoint or to Entra
RETRIES = 1
ENDPOINT_TIME_LIMIT = 15  # for the identity endpoint, retries included
SIGN_IN_TIME_LIMIT = 60  # a developer's credential may run a command or wait for a person

log = logging.getLogger(__name__)


class IgnoreRetryAfterPolicy(AsyncRetryPolicy[Any, Any]):
    """A retry policy that ignores Retry-After, because all callers share the wait."""

    def get_retry_after(self, response: Any) -> None:
        """Return None: the backoff applies."""


def has_managed_identity() -> bool:
    """Return whether the platform offers a managed identity. Otherwise this is a developer's machine or a VM."""
    return bool(os.environ.get("IDENTITY_ENDPOINT"))


class AppTokenSource:
    """Base of this app's identities. Equal identities share one token per scope in the whole process."""

    __slots__ = ()

    async def get_token(self, scope: str) -> str:
        """Return an access token for `scope`, from the cache if possible. Raises `token_unavailable`."""
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
    """Return this process's token cache for the identity and the scope.

    APIs with the same scope share it, because they are one resource to Entra: a token that satisfies the claims
    challenge of one is valid for the other.
    """
    return TokenCache()


@dataclass(frozen=True, slots=True)
class AppIdentity(AppTokenSource):
    """This app's managed identity, or on a developer's machine whatever DefaultAzureCredential finds.

    `client_id` is that of a user-assigned identity; None is the system-assigned one.
    """

    client_id: str | None = None

    @property
    def kind(self) -> str:
        """The kind of credential, for people."""
        return "managed identity" if has_managed_identity() else "default credential"

    @property
    def can_renew(self) -> bool:
        """Whether a new token can differ: the platform returns the same one to a managed identity for a day."""
        return not has_managed_identity()

    async def request_token(self, scope: str, claims: str | None = None) -> AccessTokenInfo:
        """Request an access token. Raises `token_unavailable` with the likely cause."""
        try:
            async with asyncio.timeout(ENDPOINT_TIME_LIMIT if has_managed_identity() else SIGN_IN_TIME_LIMIT):
                token = await self._credential().get_token_info(scope, options=token_options(claims))
            check_token(token, scope)
        except Exception as error:  # azure-identity also raises ValueError, KeyError and others
            problem = problem_for(error, scope, self.client_id, is_managed=has_managed_identity())
            log.warning("No token for %s (%s): %s", scope, self.kind, problem.detail)
            raise problem from None
        log.info("New token for %s (%s).", scope, self.kind)
        return token

    def _credential(self) -> AsyncSupportsTokenInfo:
        """Return a new credential, whose own cache is empty.

        On Azure, no other credential of DefaultAzureCredential's chain is tried. Elsewhere, AZURE_TOKEN_CREDENTIALS
        narrows that chain.
        """
        if has_managed_identity():
            return ManagedIdentityCredential(client_id=self.client_id, **transport_options())
        # Absent rather than None, so that AZURE_CLIENT_ID still selects the identity.
        named = {"managed_identity_client_id": self.client_id} if self.client_id else {}
        return DefaultAzureCredential(transport=IdentityTransport(), **named)


def token_options(claims: str | None) -> TokenRequestOptions:
    """Return the options of a token request that answers a claims challenge, if there is one."""
    return {"claims": claims} if claims else {}


def transport_options() -> dict[str, Any]:
    """Return the options that make a credential use our transport, timeouts and retry policy."""
    return {
        "transport": IdentityTransport(connection_timeout=ATTEMPT_TIMEOUT, read_timeout=ATTEMPT_TIMEOUT),
        "retry_total": RETRIES,
        "retry_policy_class": IgnoreRetryAfterPolicy,
    }
