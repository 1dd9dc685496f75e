"""Texts for people: a remediation for each problem code, aad-func's checks in order, and a description of each claim.

docs/troubleshooting.md repeats the remediations word for word.
"""

from collections.abc import Mapping
from typing import Any

REMEDIATIONS = {
    "missing_token": (
        "Send a bearer token. This error is expected with ?auth=0. Another possible cause is a proxy that removes the "
        "token."
    ),
    "missing_principal": "Set Easy Auth to return 401 for unauthenticated requests, and to use Microsoft Entra only.",
    "malformed_token": "Send exactly one complete token, without line breaks, quotes or a second Bearer.",
    "unsupported_token": "Send an access token that Entra issued for this API. Entra signs these tokens with RS256.",
    "unknown_key": "Compare ENTRA_AUTHORITY and ENTRA_TENANT_ID with iss. If the key is new, retry in 30 seconds.",
    "bad_signature": "Request a new token and send it unchanged.",
    "invalid_claims": (
        "Request a token for this API from Entra. python -m tools.token - < token.txt shows the claims of the token in "
        "a file."
    ),
    "wrong_issuer": "Request the token from the tenant in ENTRA_TENANT_ID.",
    "wrong_tenant": (
        "Use a caller that belongs to the tenant in ENTRA_TENANT_ID. With Easy Auth, set a tenant-specific issuer URL."
    ),
    "wrong_audience": "Compare the caller's AAD_FUNC_SCOPE with the API's AAD_FUNC_CLIENT_ID and AAD_FUNC_AUDIENCES.",
    "token_expired": "Request a new token. If the new token has expired as well, check the API's clock.",
    "token_not_yet_valid": "Check the API's clock: it is more than five minutes behind Entra's.",
    "not_an_access_token": "Request a token for <App ID URI>/.default and send the access token, not an ID token.",
    "missing_role": (
        "Assign the app role. For a managed identity, assign it to the identity's own service principal, not to a "
        "group. For a user, assign it to the user or to one of the user's groups. The platform caches a managed "
        "identity's token for up to 24 hours, so a new role can take that long to appear. Restarting does not help."
    ),
    "missing_scope": "Expose the scope on the API's app registration, and consent to it for the calling application.",
    "caller_not_allowed": "Add the calling application's client ID to the API's AAD_FUNC_ALLOWED_CALLERS.",
    "signing_keys_unavailable": (
        "Retry in 30 seconds. If the error persists, check ENTRA_AUTHORITY, ENTRA_TENANT_ID and outbound access."
    ),
    "user_token_required": "Send a user's access token for this app, such as one from az account get-access-token.",
    "user_token_expired": "Request a new token.",
    "user_token_wrong_audience": "Request a token for the app registration in MSI_FUNC_CLIENT_ID.",
    "user_token_rejected": "Sign in again to the tenant in ENTRA_TENANT_ID.",
    "interaction_required": "Sign in again. If consent is missing, ask an administrator to grant it.",
    "user_not_assigned": "Assign the app role to the user or to one of the user's groups.",
    "federated_credential_mismatch": "Correct the federated credential: entra_codes shows which part of it differs.",
    "bad_request": "Correct the request. The detail describes the error.",
    "call_mode_not_allowed": "Request a call mode in MSI_FUNC_CALL_MODES, or add the requested mode to the setting.",
    "token_unavailable": "Fix the cause that the detail names. python -m tools.doctor prints the next command or step.",
    "downstream_error": (
        "Follow the advice in the response, if there is any. If downstream contains no code, the response is not the "
        "API's own: run python -m tools.doctor to find the cause."
    ),
    "downstream_unreachable": "Check that the API is running. Then check AAD_FUNC_URL, DNS and network rules.",
    "downstream_invalid_response": "Check AAD_FUNC_URL. It often points to a start page instead of /api/aad-func.",
    "downstream_timeout": "Retry, increase AAD_FUNC_TIMEOUT_SECONDS, or keep an instance of the API always ready.",
    "misconfigured": "Correct the settings named in the response. To use a setting's default, remove the setting.",
}

MISSING_ROLE_OF_A_USER = (
    "Assign the app role to the user or to one of the user's groups. Then sign in again or request a new token, "
    "because the roles in a token never change."
)


def remediation(code: str, members: Mapping[str, Any]) -> str:
    """Return the remediation for a code and the members of its problem, or an empty string if the code is unknown."""
    caller = members.get("caller")
    if code == "missing_role" and isinstance(caller, dict) and caller.get("kind") == "user":
        return MISSING_ROLE_OF_A_USER
    return REMEDIATIONS.get(code, "")


# aad-func's checks in order, each with its problem codes. The claims come before the key, because the unverified
# `ver` selects the key set.
VALIDATION_STEPS = (
    ("The request carries credentials", ("missing_token", "missing_principal")),
    ("The credentials are one token, signed with RS256", ("malformed_token", "unsupported_token")),
    ("The token contains the required claims", ("invalid_claims",)),
    ("The tenant publishes the signing key", ("unknown_key", "signing_keys_unavailable")),
    ("The signature is valid", ("bad_signature",)),
    ("The tenant issued the token", ("wrong_issuer",)),
    ("The token is an access token, not an ID token", ("not_an_access_token",)),
    ("The token is within its validity period", ("token_expired", "token_not_yet_valid")),
    ("The caller belongs to this tenant", ("wrong_tenant",)),
    ("The token is meant for this API", ("wrong_audience",)),
    ("The caller has the app role", ("missing_role",)),
    ("The user's token carries the scope", ("missing_scope",)),
    ("The calling application is allowed", ("caller_not_allowed",)),
)

# https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
_CLIENT_AUTHENTICATION = "How the calling application authenticated: 0 = not at all, 1 = secret, 2 = certificate."
CLAIM_DESCRIPTIONS = {
    "aud": "The API that the token is meant for.",
    "iss": "The tenant that issued the token. In version 2 tokens, the URL ends with v2.0.",
    "iat": "The time at which the token was issued.",
    "nbf": "The time before which the token is not valid.",
    "exp": "The time at which the token expires.",
    "azp": "The calling application's client ID, in version 2 tokens.",
    "appid": "The calling application's client ID, in version 1 tokens.",
    "azpacr": _CLIENT_AUTHENTICATION,
    "appidacr": _CLIENT_AUTHENTICATION,
    "azp_name": "The calling application's display name.",
    "app_displayname": "The calling application's display name.",
    "idp": "The identity provider that authenticated the caller.",
    "idtyp": 'The kind of caller: "app" if an application acts as itself.',
    "name": "A display name. Never use it for decisions.",
    "oid": "The object ID of the calling service principal or user.",
    "preferred_username": "A user name. Never use it for decisions.",
    "roles": "The app roles assigned to the caller. The claim is absent if there are none.",
    "scp": "The scopes that let an application act on behalf of the user.",
    "sub": "The subject of the token. In an application's token, sub equals oid.",
    "tid": "The ID of the tenant that issued the token.",
    "uti": "The token's unique ID. The tenant's sign-in logs contain it, and Microsoft support asks for it.",
    "upn": "A user name. Never use it for decisions.",
    "ver": "The token version. The API's app registration selects it.",
    "xms_mirid": "The managed identity's resource ID in Azure.",
}
UNDESCRIBED_CLAIM = "Not documented for APIs. Entra uses the claim internally, or this tenant adds it."
TIME_CLAIMS = ("iat", "nbf", "exp")  # seconds since 1970
