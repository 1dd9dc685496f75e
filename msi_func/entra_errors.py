"""Conversion of Entra's error responses to problems that the user or the app's owner can resolve.

Only `error_codes`, `error` and `claims` of a response are used, never `error_description`.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import base64
import json
from typing import Any

from common.problems import Problem
from msi_func.token_errors import EXPIRED

CODES = {
    500133: "user_token_expired",
    500131: "user_token_wrong_audience",
    7000114: "user_token_required",
    50105: "user_not_assigned",
    # The user must change the password, use MFA or another second factor, sign in again, or consent.
    **dict.fromkeys((50055, 50072, 50074, 50076, 50079, 50158, 50173, 65001, 65004), "interaction_required"),
    **dict.fromkeys((70021, 700211, 700212, 700213, 7002137, 7002138), "federated_credential_mismatch"),
}
ERRORS = {"interaction_required": "interaction_required", "invalid_grant": "user_token_rejected"}

ENTRA_UNAVAILABLE = "Entra is unreachable, is throttling requests, or did not respond within the time limit."
REQUEST_REJECTED = "Entra rejected the token request: look up entra_codes."
# Errors that a setting or an app role assignment can resolve.
CAUSES = {
    500011: "No API with the App ID URI in AAD_FUNC_SCOPE exists in the tenant.",
    501051: "The API requires assignment, and this app's registration has none of the API's app roles.",
    700016: "No app registration with the client ID in MSI_FUNC_CLIENT_ID exists in the tenant.",
}


def exchange_problem(
    error: Exception, scope: str, authority: str, tenant_id: str, *, is_for_user: bool = True
) -> Problem:
    """Return the problem for an exception of azure-identity. A challenge sends the user to `authority`/`tenant_id`."""
    if isinstance(error, Problem) and error.detail == EXPIRED:
        return error
    body = _response_body(error)
    codes = body.get("error_codes")
    numbers = [code for code in codes if type(code) is int] if isinstance(codes, list) else []
    members: dict[str, Any] = {"scope": scope}
    if numbers:
        members["entra_codes"] = [f"AADSTS{number}" for number in numbers]
    claims = body.get("claims")
    if is_for_user and isinstance(claims, str) and claims:
        # https://learn.microsoft.com/entra/identity-platform/claims-challenge#claims-challenge-header-format
        challenge = {
            "realm": tenant_id,
            "authorization_uri": f"{authority}/{tenant_id}/oauth2/v2.0/authorize",
            "error": "insufficient_claims",
            "claims": base64.b64encode(claims.encode(errors="replace")).decode(),
        }
        return Problem("interaction_required", challenge=challenge, **members)
    # The first known code is the reason. Entra adds other codes as context.
    code = next((CODES[number] for number in numbers if number in CODES), ERRORS.get(str(body.get("error"))))
    if code and (is_for_user or code == "federated_credential_mismatch"):
        return Problem(code, **members)
    cause = next((CAUSES[number] for number in numbers if number in CAUSES), REQUEST_REJECTED)
    return Problem("token_unavailable", cause if numbers else ENTRA_UNAVAILABLE, **members)


def _response_body(error: Exception) -> dict[str, Any]:
    """Return the JSON object in the response that azure-identity attaches to an exception, or an empty dictionary."""
    response: Any = getattr(error, "response", None)
    try:
        body = json.loads(response.text())
    except (AttributeError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
