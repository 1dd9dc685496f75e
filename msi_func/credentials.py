"""Which azure-identity credential this machine should use."""

import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.credentials import SupportsTokenInfo

ENDPOINT_TIMEOUT = 4  # seconds for one try at the managed identity endpoint, which is on the same machine
ENDPOINT_RETRIES = 1

# https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
KNOWN_AUTHORITIES = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)

MANAGED_IDENTITY, DEFAULT = "managed identity", "default credential"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of azure-identity, and for people what kind it is."""

    kind: str
    identity_client_id: str | None
    source: "SupportsTokenInfo"


def is_managed() -> bool:
    """Does the platform offer this app a managed identity? (Else this is a desk, or a VM.)"""
    return bool(os.environ.get("IDENTITY_ENDPOINT"))


def is_private_cloud() -> bool:
    """Is AZURE_AUTHORITY_HOST an authority of the tenant's own? The public cloud then cannot vouch for it."""
    host = os.environ.get("AZURE_AUTHORITY_HOST", "").removeprefix("https://").rstrip("/").lower()
    return bool(host) and host not in KNOWN_AUTHORITIES


def impatient_retries() -> type:
    """A retry policy for azure-identity that does not sleep for as long as a Retry-After says, be it an hour.

    All calls would wait with it. Its own pauses, of a second or so, remain.
    """
    from azure.core.pipeline.policies import RetryPolicy

    class Impatient(RetryPolicy[Any, Any]):
        def get_retry_after(self, response: Any) -> None:
            return None

    return Impatient


def credential_for(identity_client_id: str | None) -> Credential:
    """The credential for this machine: the app's managed identity where there is one, else DefaultAzureCredential.

    `identity_client_id` names a user-assigned identity; None is the system-assigned one. Being explicit in Azure
    keeps other credentials from being tried there. AZURE_TOKEN_CREDENTIALS narrows the default credential.
    https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains
    """
    if is_managed():
        from azure.identity import ManagedIdentityCredential

        source: SupportsTokenInfo = ManagedIdentityCredential(
            client_id=identity_client_id,
            connection_timeout=ENDPOINT_TIMEOUT,
            read_timeout=ENDPOINT_TIMEOUT,
            retry_total=ENDPOINT_RETRIES,
            retry_policy_class=impatient_retries(),
            use_env_settings=False,  # the endpoint is on this machine: no proxy may see it, no .netrc change it
        )
        kind = MANAGED_IDENTITY
    else:
        from azure.identity import DefaultAzureCredential

        # Left out rather than None: then AZURE_CLIENT_ID goes on naming the identity.
        named = {"managed_identity_client_id": identity_client_id} if identity_client_id else {}
        source = DefaultAzureCredential(disable_instance_discovery=is_private_cloud(), **named)
        kind = DEFAULT
    _keep_tokens_out_of_logs()
    return Credential(kind, identity_client_id, source)


class _Redact(logging.Filter):
    """Removes whatever could be a token, or a part of one, from what azure-identity and msal log.

    They log the body of a reply that they cannot read, token included. GUIDs are shorter than what is removed.
    """

    _TOKEN = re.compile(r"eyJ[\w.-]*|[\w-]{40,}")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._TOKEN.sub("<redacted>", record.getMessage()), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_redact = _Redact()


def _keep_tokens_out_of_logs() -> None:
    # A filter applies to the logger that a record is made with, not to its children: hence each of them, also the one
    # that msal makes no earlier than at the first exchange.
    for name in [*logging.root.manager.loggerDict, "msal.oauth2cli.oauth2"]:
        if name.partition(".")[0] in ("azure", "msal", "urllib3"):
            logging.getLogger(name).addFilter(_redact)
