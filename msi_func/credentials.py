"""The identity of this app: which azure-identity credential to use, and its access tokens.

https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains
"""

import asyncio
import logging
import os
from typing import Any

from azure.core.credentials import AccessTokenInfo
from azure.core.credentials_async import AsyncSupportsTokenInfo
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from common.process_wide import process_wide
from msi_func.http_session import IdentityTransport
from msi_func.token_cache import TokenCache
from msi_func.token_errors import check_token, problem_for

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


def credential_kind() -> str:
    """Return the kind of credential that `credential_for` uses, for people."""
    return "managed identity" if has_managed_identity() else "default credential"


@process_wide
def credential_for(identity_client_id: str | None) -> AsyncSupportsTokenInfo:
    """Return the managed identity's credential on Azure, and DefaultAzureCredential elsewhere.

    `identity_client_id` is the client ID of a user-assigned identity; None is the system-assigned one. On Azure, no
    other credential of DefaultAzureCredential's chain is tried. Elsewhere, AZURE_TOKEN_CREDENTIALS narrows that chain.
    """
    if has_managed_identity():
        return ManagedIdentityCredential(client_id=identity_client_id, **transport_options())
    # Absent rather than None, so that AZURE_CLIENT_ID still selects the identity.
    named = {"managed_identity_client_id": identity_client_id} if identity_client_id else {}
    return DefaultAzureCredential(transport=IdentityTransport(), **named)


def transport_options() -> dict[str, Any]:
    """Return the options that make a credential use our transport, timeouts and retry policy."""
    return {
        "transport": IdentityTransport(connection_timeout=ATTEMPT_TIMEOUT, read_timeout=ATTEMPT_TIMEOUT),
        "retry_total": RETRIES,
        "retry_policy_class": IgnoreRetryAfterPolicy,
    }


async def access_token(identity_client_id: str | None, scope: str) -> str:
    """Return this app's access token for `scope`, from the process's cache. Raises `token_unavailable`."""
    return await token_cache_for(identity_client_id, scope).get(lambda: request_token(identity_client_id, scope))


@process_wide
def token_cache_for(identity_client_id: str | None, scope: str) -> TokenCache:
    """Return this process's token cache for the identity and the scope."""
    return TokenCache()


async def request_token(identity_client_id: str | None, scope: str) -> AccessTokenInfo:
    """Request an access token. Raises `token_unavailable` with the likely cause."""
    try:
        async with asyncio.timeout(ENDPOINT_TIME_LIMIT if has_managed_identity() else SIGN_IN_TIME_LIMIT):
            token = await credential_for(identity_client_id).get_token_info(scope)
        check_token(token, scope)
    except Exception as error:  # azure-identity also raises ValueError, KeyError and others
        problem = problem_for(error, scope, identity_client_id, is_managed=has_managed_identity())
        log.warning("No token for %s (%s): %s", scope, credential_kind(), problem.detail)
        raise problem from None
    log.info("New token for %s (%s).", scope, credential_kind())
    return token
