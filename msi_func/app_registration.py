"""This app's registration in Entra, which authenticates with a managed identity in place of a secret.

The registration trusts the identity as a federated credential:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from azure.core.credentials import AccessTokenInfo
from azure.identity.aio import OnBehalfOfCredential

from common.problems import Problem
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings
from msi_func import entra_errors
from msi_func.credentials import access_token, transport_options
from msi_func.token_errors import check_token
from msi_func.user_assertion import UserAssertion

# The audience of the managed identity's token by authority; other authorities use the public cloud's.
PUBLIC_TOKEN_EXCHANGE = "api://AzureADTokenExchange"
TOKEN_EXCHANGES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppRegistration:
    """This app's registration in its tenant, and the managed identity that it trusts."""

    tenant_id: str
    authority: str
    client_id: str
    identity_client_id: str

    @classmethod
    def from_settings(cls) -> "AppRegistration":
        """Return the registration that the settings name. Raises `misconfigured`."""
        with Settings() as settings:
            return cls(
                tenant_id=settings.guid("ENTRA_TENANT_ID"),
                authority=settings.https_url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY).rstrip("/"),
                client_id=settings.guid("MSI_FUNC_CLIENT_ID"),
                identity_client_id=settings.guid("MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"),
            )

    def reject_early(self, user: UserAssertion) -> None:
        """Raise a problem if Entra would reject this assertion in any case, judging by its unverified claims."""
        if user.audience not in (self.client_id, f"api://{self.client_id}"):
            raise Problem("user_token_wrong_audience")
        if user.tenant_id != self.tenant_id:
            raise Problem("user_token_rejected", "The user's token belongs to another tenant.")

    async def acquire_token_on_behalf_of(self, user: UserAssertion, scope: str) -> AccessTokenInfo:
        """Request a token for `scope` on behalf of the user.

        Raises the problems of `entra_errors`, and `token_unavailable` if the managed identity returns no token.
        """
        host = urlsplit(self.authority).hostname or ""
        exchange = TOKEN_EXCHANGES.get(host, PUBLIC_TOKEN_EXCHANGE)
        try:
            client_assertion = await access_token(self.identity_client_id, f"{exchange}/.default")
        except Problem as failure:
            setting = "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"
            failure.detail = failure.detail.replace("AAD_FUNC_IDENTITY_CLIENT_ID", setting)
            raise
        # One credential per request, so users never share a token cache.
        credential = OnBehalfOfCredential(
            self.tenant_id,
            self.client_id,
            client_assertion_func=lambda: client_assertion,
            user_assertion=user.value,
            authority=self.authority,
            **transport_options(),
        )
        try:
            token = await credential.get_token_info(scope)
            check_token(token, scope)
        except Exception as error:  # azure-identity also raises ValueError, KeyError and others
            problem = entra_errors.exchange_problem(error, scope, self.authority, self.tenant_id)
            log.warning("No token on behalf of a user for %s: %s", scope, problem.code)
            raise problem from None
        return token
