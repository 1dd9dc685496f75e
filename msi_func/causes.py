"""Why there is no token: what azure-identity raises, as a problem that a person can act on.

Nothing of an exception's text is passed on but a status, AADSTS codes and the names of credentials: azure-identity
quotes replies that it cannot read, tokens included. docs/troubleshooting.md has the long form.
"""

import os
import re
from typing import Any

from common.problems import MISSING_DEPENDENCY, Problem
from msi_func.credentials import MANAGED_IDENTITY, Credential, is_managed

# How azure-identity words an answer of the App Service endpoint: "(invalid_scope) <status>, <message>".
_ENDPOINT_STATUS = re.compile(r"\(invalid_scope\) (\d{3}),")
_TRIED = re.compile(r"\b(?!Default)[A-Z][A-Za-z]+Credential\b")
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_AADSTS = re.compile(r"\bAADSTS\d{4,8}\b")

IDENTITY_OFF = "This app has no managed identity: switch on its system-assigned one, or attach a user-assigned one."
NO_SYSTEM_IDENTITY = (
    "This app has no system-assigned identity: switch it on, or name a user-assigned one in the setting "
    "..._IDENTITY_CLIENT_ID."
)
NOT_ATTACHED = (
    "No identity with this client id is attached to this app: attach it, or correct the setting ..._IDENTITY_CLIENT_ID "
    "(the client id, not the object id)."
)
NOT_GIVEN = (
    "The identity endpoint gave its general error 500. Most often no API with this App ID URI exists in the tenant, or "
    "the API requires assignment and this app's identity has none of its app roles."
)
NOT_KNOWN = "The identity endpoint did not accept this app's IDENTITY_HEADER: restart the app."
NO_HEADER = "IDENTITY_ENDPOINT is set but IDENTITY_HEADER is not: the platform sets both, so set neither yourself."
OVERLOADED = "The identity endpoint is asked too often, or is out of order for the moment: try again in a minute."
NO_ANSWER = "The identity endpoint cannot be reached, or did not answer in time."
NOT_UNDERSTOOD = "The identity endpoint gave an answer that cannot be understood."
EXPIRED = "The identity endpoint gave a token that has expired: is this machine's clock right?"
NO_ENTRA = "Entra cannot be reached, is overloaded, or did not answer in time."
NOT_EXCHANGED = "Entra did not exchange the token of the user, for a reason that is not the user's: see entra_codes."
NOT_MADE = (
    "No credential can be made from the environment: check AZURE_TOKEN_CREDENTIALS, AZURE_AUTHORITY_HOST, "
    "AZURE_CLIENT_ID and AZURE_TENANT_ID."
)
SLOW_DESK = "No credential of this machine gave a token in time: sign in first, for example with az login."
DESK = "No credential of this machine gave a token: sign in, for example with az login --scope and the scope below."


def problem_for(error: Exception, credential: Credential | None, scope: str) -> Problem:
    """`token_unavailable` with the likely cause of `error`; no `credential` where it could not even be made."""
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

    if isinstance(error, Problem):
        return error
    if isinstance(error, ImportError):
        return problem(MISSING_DEPENDENCY, scope, package=str(error.name))
    if credential is None:
        return problem(NOT_MADE, scope)
    if credential.kind != MANAGED_IDENTITY:
        return _on_a_desk(str(error), scope)
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return problem(NO_ANSWER, scope)
    if not os.environ.get("IDENTITY_HEADER"):
        return problem(NO_HEADER, scope)
    answer = _ENDPOINT_STATUS.search(str(error)) if isinstance(error, ClientAuthenticationError) else None
    if answer is None:
        return problem(NOT_UNDERSTOOD, scope)
    causes = {
        400: NOT_ATTACHED if credential.identity_client_id else NO_SYSTEM_IDENTITY,
        401: NOT_KNOWN,
        500: NOT_GIVEN,
        **dict.fromkeys((408, 429, 502, 503, 504), OVERLOADED),
    }
    status = int(answer[1])
    return problem(causes.get(status, NOT_UNDERSTOOD), scope, endpoint_status=status)


def is_token(value: Any) -> bool:
    """Can this be sent as a bearer token (RFC 6750 section 2.1)? azure-identity hands on whatever came."""
    return isinstance(value, str) and _B64TOKEN.fullmatch(value) is not None


def too_late(scope: str) -> Problem:
    """`token_unavailable` because nothing came in time."""
    return problem(NO_ANSWER if is_managed() else SLOW_DESK, scope)


def problem(cause: str, scope: str, **members: Any) -> Problem:
    """`token_unavailable` because of `cause`."""
    return Problem("token_unavailable", cause, scope=scope, **members)


def _on_a_desk(text: str, scope: str) -> Problem:
    # In Azure this is where an app without any identity ends up: the platform then sets no IDENTITY_ENDPOINT.
    cause = IDENTITY_OFF if os.environ.get("WEBSITE_INSTANCE_ID") else DESK
    said = sorted(set(_AADSTS.findall(text)))
    members = {"tried": sorted(set(_TRIED.findall(text))), **({"entra_codes": said} if said else {})}
    return problem(cause, scope, **members)
