"""Why Entra does not exchange a user's token, as a problem that the user or the app's owner can act on.

Entra's answer is read for its numbers, its `error` and its `claims`, never for its text: that is for people, and is
theirs to change. https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import base64
import json
from typing import Any

from common.problems import Problem
from msi_func import causes

# A password that expired or was changed, a second factor in its several forms, an external challenge, consent.
_INTERACTION = (50055, 50072, 50074, 50076, 50079, 50158, 50173, 65001, 65004)
_NO_CREDENTIAL = (70021, 700211, 700212, 700213, 7002137, 7002138)

CODES = {
    500133: "user_token_expired",
    500131: "user_token_wrong_audience",
    7000114: "user_token_required",
    50105: "user_not_assigned",
    **dict.fromkeys(_INTERACTION, "interaction_required"),
    **dict.fromkeys(_NO_CREDENTIAL, "federated_credential_mismatch"),
}
ERRORS = {"interaction_required": "interaction_required", "invalid_grant": "user_token_rejected"}


def problem_for(error: Exception, scope: str, authority: str, tenant_id: str) -> Problem:
    """What azure-identity's `error` means; `authority` and `tenant_id` are where the user would sign in again."""
    answer = _answer(error)
    numbers = [number for number in _list(answer.get("error_codes")) if type(number) is int]
    said: dict[str, Any] = {"scope": scope, **({"entra_codes": [f"AADSTS{n}" for n in numbers]} if numbers else {})}
    claims = answer.get("claims")
    if isinstance(claims, str) and claims:
        return Problem("interaction_required", challenge=_claims_challenge(claims, authority, tenant_id), **said)
    # The first number is the reason; others, where there are any, say what it was part of.
    known = [CODES[number] for number in numbers if number in CODES]
    code = known[0] if known else ERRORS.get(str(answer.get("error")))
    if code:
        return Problem(code, **said)
    return causes.problem(causes.NOT_EXCHANGED if numbers else causes.NO_ENTRA, **said)


def _claims_challenge(claims: str, authority: str, tenant_id: str) -> dict[str, str]:
    """With what, and where, a client signs the user in: the realm is the tenant whose address it gets.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge#claims-challenge-header-format
    """
    return {
        "realm": tenant_id,
        "authorization_uri": f"{authority}/{tenant_id}/oauth2/v2.0/authorize",
        "error": "insufficient_claims",
        "claims": base64.b64encode(claims.encode(errors="replace")).decode(),
    }


def _answer(error: Exception) -> dict[str, Any]:
    """Entra's answer, empty where there is none that can be read. azure-identity keeps it beside the text."""
    response = getattr(error, "response", None)
    try:
        answer = json.loads(response.text()) if response is not None else {}
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
