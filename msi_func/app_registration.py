"""This app's Entra registration, which authenticates with a managed identity's token instead of a secret.

The registration trusts the managed identity through a federated credential:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from azure.core.credentials import AccessTokenInfo
from azure.core.credentials_async import AsyncSupportsTokenInfo
from azure.identity.aio import ClientAssertionCredential, OnBehalfOfCredential

from common.problems import Problem
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings
from msi_func import entra_errors
from msi_func.credentials import AppIdentity, AppTokenSource, token_options, transport_options
from msi_func.token_errors import check_token
from msi_func.user_assertion import UserAssertion

# The audience of the managed identity's token, by authority. All other authorities use PUBLIC_TOKEN_EXCHANGE.
PUBLIC_TOKEN_EXCHANGE = "api://AzureADTokenExchange"
TOKEN_EXCHANGES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina",
}

TIME_LIMIT = 15  # seconds, for one token request to Entra including retries

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppRegistration(AppTokenSource):
    """This app's registration, and the managed identity that the registration trusts.

    Only this app caches the registration's tokens, which are valid for about an hour.
    """

    tenant_id: str
    authority: str
    client_id: str
    identity_client_id: str

    kind = "app registration"
    can_renew = True

    @classmethod
    def from_settings(cls) -> "AppRegistration":
        """Return the registration that the settings specify. Raises `misconfigured`."""
        with Settings() as settings:
            return cls.read(settings)

    @classmethod
    def read(cls, settings: Settings) -> "AppRegistration":
        """Return the registration that `settings` specifies. Errors are recorded in `settings`, not raised."""
        return cls(
            tenant_id=settings.guid("ENTRA_TENANT_ID"),
            authority=settings.https_url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY).rstrip("/"),
            client_id=settings.guid("MSI_FUNC_CLIENT_ID"),
            identity_client_id=settings.guid("MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"),
        )

    def reject_early(self, user: UserAssertion) -> None:
        """Raise a problem if the unverified claims show that Entra would reject this assertion."""
        if user.audience not in (self.client_id, f"api://{self.client_id}"):
            raise Problem("user_token_wrong_audience")
        if user.tenant_id != self.tenant_id:
            raise Problem("user_token_rejected", "The user's token belongs to another tenant.")

    async def request_token(self, scope: str, claims: str | None = None) -> AccessTokenInfo:
        """Request a token for `scope` as this registration.

        Raises `token_unavailable` or `federated_credential_mismatch`.
        """
        return await self._request_token(scope, claims, None)

    async def acquire_token_on_behalf_of(
        self, user: UserAssertion, scope: str, claims: str | None = None
    ) -> AccessTokenInfo:
        """Request a token for `scope` on behalf of the user. Raises the problems in entra_errors.py."""
        return await self._request_token(scope, claims, user)

    async def _request_token(self, scope: str, claims: str | None, user: UserAssertion | None) -> AccessTokenInfo:
        host = urlsplit(self.authority).hostname or ""
        exchange = TOKEN_EXCHANGES.get(host, PUBLIC_TOKEN_EXCHANGE)
        try:
            client_assertion = await AppIdentity(self.identity_client_id).get_token(f"{exchange}/.default")
        except Problem as failure:
            setting = "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"
            failure.detail = failure.detail.replace("AAD_FUNC_IDENTITY_CLIENT_ID", setting)
            raise
        try:
            async with asyncio.timeout(TIME_LIMIT):
                credential = self._credential(client_assertion, user)
                token = await credential.get_token_info(scope, options=token_options(claims))
            check_token(token, scope)
        except Exception as error:  # azure-identity raises more than its documented exceptions, such as KeyError.
            problem = entra_errors.exchange_problem(
                error, scope, self.authority, self.tenant_id, is_for_user=user is not None
            )
            whose = "on behalf of a user" if user else self.kind
            log.warning("No token for %s (%s): %s", scope, whose, problem.detail)
            raise problem from None
        return token

    def _credential(self, client_assertion: str, user: UserAssertion | None) -> AsyncSupportsTokenInfo:
        """Return a new credential with an empty cache, so that no request receives an old token or another user's."""
        options = {"authority": self.authority, **transport_options()}
        if user is None:
            return ClientAssertionCredential(self.tenant_id, self.client_id, lambda: client_assertion, **options)
        return OnBehalfOfCredential(
            self.tenant_id,
            self.client_id,
            client_assertion_func=lambda: client_assertion,
            user_assertion=user.value,
            **options,
        )
