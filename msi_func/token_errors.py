"""Conversion of azure-identity's exceptions to `token_unavailable` with a likely cause.

Only the types and status codes of exceptions are used, never their messages, because azure-identity quotes responses
that it cannot parse, including tokens. docs/troubleshooting.md lists a remediation for each cause.
"""

import os
import re
import time
from typing import Any

from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.identity import CredentialUnavailableError

from common.problems import Problem

# downstream_errors.py replaces AAD_FUNC with the prefix of the called API's settings.
NO_IDENTITY = "This app has no managed identity: enable its system-assigned identity or attach a user-assigned one."
NO_SYSTEM_IDENTITY = "This app has no system-assigned identity: enable it, or set AAD_FUNC_IDENTITY_CLIENT_ID."
NOT_ATTACHED = (
    "No identity with this client ID is attached: attach the identity, or correct AAD_FUNC_IDENTITY_CLIENT_ID."
)
GENERIC_ERROR = (
    "The identity endpoint returned its generic 500. Most often, the tenant contains no API with the App ID URI in "
    "AAD_FUNC_SCOPE, or the API requires assignment and this app's identity has none of the API's app roles."
)
HEADER_REJECTED = "The identity endpoint rejected this app's IDENTITY_HEADER: restart the app."
NO_HEADER = (
    "IDENTITY_ENDPOINT is set but IDENTITY_HEADER is not. The platform sets both: remove any app settings with these "
    "names."
)
THROTTLED = "The identity endpoint is throttling requests or temporarily unavailable: retry in a minute."
NO_RESPONSE = "The identity endpoint is unreachable or did not respond within the time limit."
UNAVAILABLE = "The managed identity returned no token. The log contains the reason."
INVALID_RESPONSE = "The identity endpoint returned an invalid response."
EXPIRED = "The new token has already expired: check this machine's clock."
NO_CREDENTIAL = "No credential can be created from the environment: check the variables that begin with AZURE_."
SIGN_IN_TIMEOUT = "No credential on this machine returned a token within the time limit: sign in first, with az login."
SIGN_IN = (
    "No credential on this machine returned a token: sign in with az login --scope <scope>. The log contains the "
    "reasons."
)

_CAUSES = {401: HEADER_REJECTED, 500: GENERIC_ERROR, **dict.fromkeys((408, 429, 502, 503, 504), THROTTLED)}
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1


def problem_for(error: Exception, scope: str, identity_client_id: str | None, *, is_managed: bool) -> Problem:
    """Return `token_unavailable` with the likely cause of `error`."""
    if isinstance(error, Problem) and error.code == "token_unavailable":
        return error
    if isinstance(error, TimeoutError | ServiceRequestError | ServiceResponseError):
        return _problem(NO_RESPONSE if is_managed else SIGN_IN_TIMEOUT, scope)
    if not is_managed:
        if isinstance(error, ValueError):  # The constructor of DefaultAzureCredential raises it.
            return _problem(NO_CREDENTIAL, scope)
        # On Azure, an app without a managed identity gets here, because the platform sets no IDENTITY_ENDPOINT.
        return _problem(NO_IDENTITY if os.environ.get("WEBSITE_INSTANCE_ID") else SIGN_IN, scope)
    if not os.environ.get("IDENTITY_HEADER"):
        return _problem(NO_HEADER, scope)
    status = getattr(error, "status_code", None)
    if status is None and isinstance(error, CredentialUnavailableError):
        return _problem(UNAVAILABLE, scope)
    if status is None or status < 400:
        return _problem(INVALID_RESPONSE, scope)
    causes = {400: NOT_ATTACHED if identity_client_id else NO_SYSTEM_IDENTITY, **_CAUSES}
    return _problem(causes.get(status, INVALID_RESPONSE), scope, endpoint_status=status)


def check_token(token: AccessTokenInfo, scope: str) -> None:
    """Raise `token_unavailable` if the token has expired or is not a b64token. azure-identity checks neither."""
    if token.expires_on <= time.time():
        raise _problem(EXPIRED, scope)
    if not isinstance(token.token, str) or not _B64TOKEN.fullmatch(token.token):
        raise _problem(INVALID_RESPONSE, scope)


def _problem(cause: str, scope: str, **members: Any) -> Problem:
    return Problem("token_unavailable", cause, scope=scope, **members)
