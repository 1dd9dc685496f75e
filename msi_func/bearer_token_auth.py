"""BearerTokenAuth, which adds this app's token to requests of the `requests` package, for use in sync functions."""

import functools
import os

import requests
from azure.core.credentials import SupportsTokenInfo
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from requests.auth import AuthBase

from common.problems import Problem
from common.settings import DEFAULT_SCOPE_ERROR, HTTPS_OR_LOOPBACK_ERROR, is_default_scope, is_https_or_loopback
from msi_func.credentials import ATTEMPT_TIMEOUT, has_managed_identity
from msi_func.log_redaction import redact_logs
from msi_func.token_errors import check_token, problem_for


class BearerTokenAuth(AuthBase):
    """Adds this app's token to a request.

        requests.get(url, auth=BearerTokenAuth("api://<client id>/.default"), timeout=10)

    azure-identity caches the token. `requests` removes the token if a redirect leads to another host or to http. Raises
    `token_unavailable`. Raises `misconfigured` if the scope is not <resource>/.default, or if the URL is neither https
    nor on a loopback address.
    """

    def __init__(self, scope: str, *, identity_client_id: str | None = None) -> None:
        if not is_default_scope(scope):
            raise Problem("misconfigured", f"The scope {DEFAULT_SCOPE_ERROR}.")
        self._scope = scope
        self._identity_client_id = identity_client_id

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Authorization header. `requests` calls this method."""
        if not is_https_or_loopback(request.url or ""):
            raise Problem("misconfigured", f"No token is sent, because the URL {HTTPS_OR_LOOPBACK_ERROR}.")
        try:
            token = _credential_for(self._identity_client_id).get_token_info(self._scope)
            check_token(token, self._scope)
        except Exception as error:  # azure-identity raises more than its documented exceptions, such as KeyError.
            is_managed = has_managed_identity()
            raise problem_for(error, self._scope, self._identity_client_id, is_managed=is_managed) from None
        request.headers["Authorization"] = f"Bearer {token.token}"
        return request


@functools.cache
def _credential_for(identity_client_id: str | None) -> SupportsTokenInfo:
    redact_logs()
    if has_managed_identity():
        return ManagedIdentityCredential(
            client_id=identity_client_id,
            connection_timeout=ATTEMPT_TIMEOUT,
            read_timeout=ATTEMPT_TIMEOUT,
            retry_total=0,  # On a retry, azure-core would sleep for the whole time in Retry-After.
            use_env_settings=False,  # Neither a proxy nor .netrc applies to the identity endpoint.
        )
    named = {"managed_identity_client_id": identity_client_id} if identity_client_id else {}
    # Instance discovery asks the public cloud about the authority, which fails for a local authority.
    has_authority = "AZURE_AUTHORITY_HOST" in os.environ
    return DefaultAzureCredential(disable_instance_discovery=has_authority, **named)
