"""Why there is no token: what azure-identity raises, as a problem that a person can act on.

Nothing of an exception's text is passed on but a status: azure-identity quotes replies that it cannot read, tokens
included. docs/troubleshooting.md has the long form.
"""

import re
from typing import Any

from common.problems import Problem
from msi_func.credentials import DEFAULT

# What azure-identity says of an answer of the App Service endpoint: "(invalid_scope) <status>, <message>".
_ENDPOINT_ANSWER = re.compile(r"\(invalid_scope\) (\d{3}|None), ")

NO_IDENTITY = (
    "This app has no such managed identity. Switch on its system-assigned identity, or attach the user-assigned one to "
    "the app and set the IDENTITY_CLIENT_ID setting to its client id."
)
NOT_GIVEN = (
    "The identity endpoint refused. Either no API with this App ID URI exists in the tenant, or the API requires "
    "assignment and this app's identity has none of its app roles."
)


def problem_for(error: Exception, kind: str, scope: str) -> Problem:
    """`token_unavailable` with the likely cause of `error`. `kind` is the credential's, `scope` what was asked for."""
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

    if isinstance(error, Problem):
        return error
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return no_answer(scope)
    if kind == DEFAULT and isinstance(error, ClientAuthenticationError):
        tried = sorted(set(re.findall(r"\b[A-Z][A-Za-z]+Credential\b", str(error))))
        return _problem(scope, f"No developer credentials work here. Sign in (az login). Tried: {', '.join(tried)}.")
    answer = _ENDPOINT_ANSWER.search(str(error))
    if answer:
        status = answer[1]
        cause = {"400": NO_IDENTITY, "500": NOT_GIVEN}.get(
            status, "The identity endpoint refused for a reason of its own."
        )
        return _problem(scope, cause, endpoint_status=None if status == "None" else int(status))
    return _problem(scope, "The identity endpoint gave an answer that is not understood.")


def no_answer(scope: str) -> Problem:
    """`token_unavailable` because nothing came back in time, or at all."""
    return _problem(scope, "The identity endpoint cannot be reached or does not answer in time.")


def expired(scope: str) -> Problem:
    """`token_unavailable` because what came back is no longer valid."""
    return _problem(scope, "The identity endpoint gave a token that has expired. Is this machine's clock right?")


def _problem(scope: str, cause: str, **members: Any) -> Problem:
    return Problem("token_unavailable", cause, scope=scope, **members)
