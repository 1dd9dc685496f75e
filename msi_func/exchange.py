"""One on-behalf-of exchange with Entra: a user's token for this app in, one for the called API out.

This app proves itself with a token of a managed identity that its registration trusts as a federated credential:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings
from msi_func import causes, refusals
from msi_func.credentials import KNOWN_AUTHORITIES, impatient_retries
from msi_func.tokens import tokens
from msi_func.user_token import UserToken

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

# What the identity's token has to be for: the public cloud's name, and those of clouds that have their own.
PUBLIC_EXCHANGE = "api://AzureADTokenExchange"
EXCHANGES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina",
}

TRY_SECONDS = 4  # to connect, and to read
TRIES_AGAIN = 1


@dataclass(frozen=True, slots=True)
class Registration:
    """This app's registration in its tenant, and the managed identity that it trusts as itself."""

    tenant_id: str
    authority: str
    client_id: str
    identity_client_id: str

    @classmethod
    def from_settings(cls) -> "Registration":
        """Raises `misconfigured` naming every setting that is missing or malformed."""
        with Settings() as settings:
            return cls(
                tenant_id=settings.guid("ENTRA_TENANT_ID"),
                authority=settings.https_url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY).rstrip("/"),
                client_id=settings.guid("MSI_FUNC_CLIENT_ID"),
                identity_client_id=settings.guid("MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"),
            )

    def exchange(self, user: UserToken, scope: str, seconds: float) -> "AccessTokenInfo":
        """A token with which this app calls the API of `scope` as the user; `seconds` bounds the identity's part.

        Raises what `refusals.problem_for` makes of Entra's answer, and `token_unavailable` where the identity itself
        gives no token. The credential is this exchange's own: nothing of one user stays where another's would find it.
        """
        host = urlsplit(self.authority).hostname or ""
        proof = tokens(self.identity_client_id, f"{EXCHANGES.get(host, PUBLIC_EXCHANGE)}/.default").get(seconds)

        from azure.core.exceptions import AzureError
        from azure.identity import OnBehalfOfCredential

        with OnBehalfOfCredential(
            self.tenant_id,
            self.client_id,
            client_assertion_func=lambda: proof,
            user_assertion=user.value,
            authority=self.authority,
            # The public cloud cannot vouch for a tenant's own authority; for the known ones nobody has to.
            disable_instance_discovery=host not in KNOWN_AUTHORITIES,
            connection_timeout=TRY_SECONDS,
            read_timeout=TRY_SECONDS,
            retry_total=TRIES_AGAIN,
            retry_policy_class=impatient_retries(),
        ) as credential:
            try:
                token = credential.get_token_info(scope)
            except AzureError as error:
                problem = refusals.problem_for(error, scope, self.authority, self.tenant_id)
            else:
                if causes.is_token(token.token):
                    return token
                problem = causes.problem(causes.NO_ENTRA, scope)
        logging.getLogger(__name__).warning("No token on behalf of a user for %s: %s", scope, problem.code)
        raise problem
