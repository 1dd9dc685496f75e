"""Texts for people: a remediation for each problem code, a description of each claim, and aad-func's checks in order.

docs/troubleshooting.md repeats the remediations word for word.
"""

from collections.abc import Mapping
from typing import Any

REMEDIATIONS = {
    "missing_token": "Send a bearer token. With ?auth=0 this error is expected; otherwise a proxy may remove it.",
    "missing_principal": "Set Easy Auth to return 401 for unauthenticated requests, and have callers sign in to Entra.",
    "malformed_token": "Send one token, as issued: without line breaks, quotes or a second Bearer, and complete.",
    "unsupported_token": "Send an access token that Entra issued for this API; those are signed with RS256.",
    "unknown_key": "Compare ENTRA_AUTHORITY and ENTRA_TENANT_ID with iss. A new key is known within 30 seconds.",
    "bad_signature": "Request a new token and send it unchanged.",
    "invalid_claims": "Inspect the token with python -m tools.token - and request one from Entra for this API.",
    "wrong_issuer": "Request the token from the tenant in ENTRA_TENANT_ID.",
    "wrong_tenant": "Call from the tenant in ENTRA_TENANT_ID; with Easy Auth, set a tenant-specific issuer URL.",
    "wrong_audience": "Compare the caller's AAD_FUNC_SCOPE with the API's AAD_FUNC_CLIENT_ID and AAD_FUNC_AUDIENCES.",
    "token_expired": "Request a new token; if that has expired as well, compare the clocks.",
    "token_not_yet_valid": "Compare the clocks: they differ by more than five minutes.",
    "not_an_access_token": "Request <App ID URI>/.default and send the access token, not an ID token.",
    "missing_role": (
        "Assign the app role to the managed identity's own service principal (not to a group), or to the user or one "
        "of the user's groups. A managed identity's new role can take up to 24 hours to become visible; restarting "
        "does not help."
    ),
    "missing_scope": "Expose the scope on the API's app registration, and consent to it for the calling application.",
    "caller_not_allowed": "Add the calling application's client ID to the API's AAD_FUNC_ALLOWED_CALLERS.",
    "signing_keys_unavailable": "Wait 30 seconds, then check ENTRA_AUTHORITY, ENTRA_TENANT_ID and outbound access.",
    "user_token_required": "Send a user's access token for this app, such as one from az account get-access-token.",
    "user_token_expired": "Request a new token.",
    "user_token_wrong_audience": "Request a token for the app registration in MSI_FUNC_CLIENT_ID.",
    "user_token_rejected": "Sign in again, to the tenant in ENTRA_TENANT_ID.",
    "interaction_required": "Sign in again; if consent is missing, ask an administrator for it.",
    "user_not_assigned": "Assign the app role to the user or to one of the user's groups.",
    "federated_credential_mismatch": "Correct the federated credential: entra_codes names the part that differs.",
    "bad_request": "Correct the request as the detail says.",
    "call_mode_not_allowed": "Use a mode that MSI_FUNC_CALL_MODES lists, or add this one to it.",
    "token_unavailable": "Do what the detail says; python -m tools.doctor prints the command for each cause.",
    "downstream_error": (
        "Do what the advice for the code inside says. Without a code, the API's own code did not respond: "
        "run python -m tools.doctor."
    ),
    "downstream_unreachable": "Check that the API runs, then AAD_FUNC_URL, DNS, and network rules between the apps.",
    "downstream_invalid_response": "Check AAD_FUNC_URL: often it points to a start page instead of /api/aad-func.",
    "downstream_timeout": "Retry; if that fails, raise AAD_FUNC_TIMEOUT_SECONDS or keep an instance always ready.",
    "misconfigured": "Correct the named settings. An empty setting is an error: remove it to use its default.",
}

MISSING_ROLE_OF_A_USER = (
    "Assign the app role to the user or to one of the user's groups; then sign in again or request a new token, as a "
    "token never changes."
)


def remediation(code: str, members: Mapping[str, Any]) -> str:
    """Return what to do about a problem with these members, which may name the caller; empty for an unknown code."""
    caller = members.get("caller")
    if code == "missing_role" and isinstance(caller, dict) and caller.get("kind") == "user":
        return MISSING_ROLE_OF_A_USER
    return REMEDIATIONS.get(code, "")


# aad-func's checks in order, with the codes of each. Claims precede the key because the unverified `ver` selects the
# key set.
VALIDATION_STEPS = (
    ("The request carries credentials", ("missing_token", "missing_principal")),
    ("They are one token, signed with RS256", ("malformed_token", "unsupported_token")),
    ("Its claims are complete", ("invalid_claims",)),
    ("The key is one of the tenant's", ("unknown_key", "signing_keys_unavailable")),
    ("The signature is valid", ("bad_signature",)),
    ("The tenant issued it", ("wrong_issuer",)),
    ("It is an access token, not an ID token", ("not_an_access_token",)),
    ("It is valid now", ("token_expired", "token_not_yet_valid")),
    ("The caller belongs to this tenant", ("wrong_tenant",)),
    ("The token is meant for this API", ("wrong_audience",)),
    ("The caller has the app role", ("missing_role",)),
    ("For a user: the token carries the scope", ("missing_scope",)),
    ("The calling application is allowed", ("caller_not_allowed",)),
)

# https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
CLAIM_DESCRIPTIONS = {
    "aud": "The API that the token is meant for.",
    "iss": "The tenant that issued the token; the end of the URL shows the token version.",
    "iat": "The time at which the token was issued.",
    "nbf": "The time before which the token is not valid.",
    "exp": "The time at which the token expires.",
    "azp": "The calling application's client ID (version 2).",
    "appid": "The calling application's client ID (version 1).",
    "azpacr": "How the calling application authenticated: 0 not at all, 1 with a secret, 2 with a certificate.",
    "appidacr": "How the calling application authenticated: 0 not at all, 1 with a secret, 2 with a certificate.",
    "azp_name": "The calling application's display name.",
    "app_displayname": "The calling application's display name.",
    "idp": "The identity provider that authenticated the caller.",
    "idtyp": "The value app means that an application acts as itself.",
    "name": "A display name. Never use it for decisions.",
    "oid": "The caller's object ID: of a service principal or of a user.",
    "preferred_username": "A user name. Never use it for decisions.",
    "roles": "The app roles assigned to the caller. The claim is absent if there are none.",
    "scp": "The scopes that let an application act on behalf of the user.",
    "sub": "The subject; for an application it equals oid.",
    "tid": "The tenant of the caller.",
    "uti": "The token's unique ID, also in the tenant's sign-in logs: what Microsoft support asks for.",
    "upn": "A user name. Never use it for decisions.",
    "ver": "The token version, set by the API's app registration.",
    "xms_mirid": "The managed identity's resource ID in Azure.",
}
UNDESCRIBED_CLAIM = "Not documented for applications: internal to Entra, or added by this tenant."
TIME_CLAIMS = ("iat", "nbf", "exp")  # seconds since 1970
