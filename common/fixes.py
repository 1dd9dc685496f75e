"""What a person can do about each code of common/problems.py, and which of aad-func's checks a code belongs to.

Apart from the table of codes because an answer needs none of it: it is imported where people are told. What stands here
stands in docs/troubleshooting.md too, word for word.
"""

FIXES = {
    "missing_token": (
        "Send an Authorization header with a bearer token. With ?auth=0 this refusal is as it should be; else look for "
        "a proxy that drops the header."
    ),
    "missing_principal": "Set Easy Auth's unauthenticated requests to 401, and let callers sign in with Entra.",
    "malformed_token": (
        "Send exactly one token, as it was issued: look for line breaks, quotes and a second Bearer, and for lost "
        "characters."
    ),
    "unsupported_token": "Send an access token that Entra made for this API: those are signed with RS256.",
    "unknown_key": (
        "Compare ENTRA_AUTHORITY and ENTRA_TENANT_ID with the token's iss. A key that is merely new is known within 30 "
        "seconds."
    ),
    "bad_signature": "Get a new token and send it unchanged.",
    "invalid_claims": "Look at the token with python -m tools.token - and get one from Entra for this API.",
    "wrong_issuer": "Get the token from the tenant in ENTRA_TENANT_ID.",
    "wrong_tenant": (
        "Call from the tenant in ENTRA_TENANT_ID; behind Easy Auth, make its issuer setting tenant-specific."
    ),
    "wrong_audience": (
        "Compare the caller's AAD_FUNC_SCOPE with the API's AAD_FUNC_CLIENT_ID and AAD_FUNC_AUDIENCES: they must name "
        "the same registration."
    ),
    "token_expired": "Get a new token; if that has expired too, compare the clocks.",
    "token_not_yet_valid": "Compare the clocks: they are more than five minutes apart.",
    "not_an_access_token": "Ask for api://<client id>/.default and send the access token, not an ID token.",
    "missing_role": (
        "Assign the app role to the caller itself, not to a group. A managed identity's token is kept for up to 24 "
        "hours, so a role assigned just now may be seen that late."
    ),
    "missing_scope": "Expose the scope on the API's registration and ask for it.",
    "caller_not_allowed": "Add the calling application's client id to AAD_FUNC_ALLOWED_CALLERS.",
    "keys_unavailable": (
        "Wait: it recovers by itself. If it does not, check ENTRA_AUTHORITY, ENTRA_TENANT_ID and whether the app may "
        "connect out."
    ),
    "user_token_required": "Send a user's access token for this app, as az account get-access-token gives one.",
    "user_token_expired": "Get a new token.",
    "user_token_for_another": "Get a token for the registration in MSI_FUNC_CLIENT_ID.",
    "user_token_refused": "Sign in again, to the tenant in ENTRA_TENANT_ID.",
    "interaction_required": "Sign in again; where consent is missing, an administrator gives it.",
    "user_not_assigned": "Assign the app role to the user, or to a group of theirs.",
    "federated_credential_unknown": (
        "Compare the registration's federated credential with the identity, by entra_codes."
    ),
    "bad_request": "Correct the query as the detail says.",
    "token_unavailable": "Find the detail in the table under token_unavailable in docs/troubleshooting.md.",
    "downstream_refused": (
        "Look up the code inside. Without one, a 5xx is a failure: look at the API's log. Else it was Easy Auth that "
        "refused, a disabled function, or AAD_FUNC_URL leads elsewhere."
    ),
    "downstream_unreachable": (
        "Check that the API is running, then AAD_FUNC_URL, DNS, and network rules between the two apps."
    ),
    "downstream_invalid": "Check AAD_FUNC_URL: most often it leads to a start page instead of /api/aad-func.",
    "downstream_timeout": (
        "Try again, as a cold start may take that long; then raise AAD_FUNC_TIMEOUT_SECONDS, or keep an instance "
        "always ready."
    ),
    "misconfigured": (
        "Correct the settings that are named in the app's settings, locally in local.settings.json. An empty one is an "
        "error too: remove it to get its default."
    ),
}

# What aad-func checks, in its order, with the codes that say which check failed. A code that is in none of these says
# nothing about the checks. Claims come before the key because `ver`, read from them, chooses the keys.
CHECKS = (
    ("The request brings credentials", ("missing_token", "missing_principal")),
    ("They are one token, signed with RS256", ("malformed_token", "unsupported_token")),
    ("Its claims are complete", ("invalid_claims",)),
    ("The key is one of the tenant's", ("unknown_key", "keys_unavailable")),
    ("The signature fits", ("bad_signature",)),
    ("The tenant issued it", ("wrong_issuer",)),
    ("It is an access token, not an ID token", ("not_an_access_token",)),
    ("It is valid now", ("token_expired", "token_not_yet_valid")),
    ("The caller belongs to this tenant", ("wrong_tenant",)),
    ("The token is meant for this API", ("wrong_audience",)),
    ("The caller has the app role", ("missing_role",)),
    ("For a user: the token carries the scope", ("missing_scope",)),
    ("The calling application is allowed", ("caller_not_allowed",)),
)
