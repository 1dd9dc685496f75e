"""Errors of the token endpoint, with AADSTS codes.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The texts are shorter than Entra's, because
clients branch on `error` and on the code.
"""

import time
import uuid
from dataclasses import dataclass

from starlette.responses import JSONResponse

NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class _Code:
    status: int
    error: str
    text: str


_NO_RECORD = "No matching federated identity record found for presented assertion"

_CODES = {
    50013: _Code(400, "invalid_grant", "Assertion failed signature validation."),
    50027: _Code(400, "invalid_request", "JWT token is invalid or malformed."),
    50034: _Code(400, "invalid_grant", "The user account {user} does not exist in the directory '{tenant}'."),
    50076: _Code(
        400,
        "interaction_required",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        "use multi-factor authentication to access '{api}'.",
    ),
    50105: _Code(400, "invalid_grant", "The signed in user '{principal}' is not assigned to a role for '{api}'."),
    50117: _Code(400, "invalid_request", "Failed to deserialize policy specified in the request's claims parameter."),
    65001: _Code(
        400, "invalid_grant", "The user or administrator has not consented to use the application '{client}'."
    ),
    70003: _Code(400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    70011: _Code(400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid: '{scope}'."),
    90002: _Code(400, "invalid_request", "Tenant '{tenant}' not found. Check that you have the correct tenant ID."),
    90023: _Code(400, "invalid_request", "The request is not valid."),
    500011: _Code(400, "invalid_resource", "The resource principal named {resource} was not found in '{tenant}'."),
    500131: _Code(
        400, "invalid_grant", "Assertion audience does not match the Client app presenting the assertion, '{client}'."
    ),
    500133: _Code(400, "invalid_grant", "Assertion is not within its valid time range."),
    501051: _Code(400, "invalid_grant", "Application '{principal}' is not assigned to a role for '{api}'."),
    650053: _Code(400, "invalid_scope", "The scope '{scope}' does not exist on the resource '{api}'."),
    700016: _Code(400, "unauthorized_client", "Application '{client}' was not found in the directory '{tenant}'."),
    700024: _Code(401, "invalid_client", "Client assertion is not within its valid time range."),
    700027: _Code(401, "invalid_client", "Client assertion of '{client}' failed signature validation."),
    700211: _Code(401, "invalid_client", f"{_NO_RECORD} issuer '{{value}}'."),
    700212: _Code(401, "invalid_client", f"{_NO_RECORD} audience '{{value}}'."),
    700213: _Code(401, "invalid_client", f"{_NO_RECORD} subject '{{value}}'."),
    700229: _Code(401, "invalid_client", "Only app-only tokens can be used as Federated Identity Credentials."),
    900144: _Code(400, "invalid_request", "The request body must contain the following parameter: '{parameter}'."),
    901002: _Code(400, "invalid_request", "The 'resource' request parameter is not supported."),
    1002012: _Code(
        400,
        "invalid_scope",
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    7000114: _Code(400, "invalid_grant", "Application '{client}' is not allowed to make on-behalf-of calls."),
    7000215: _Code(401, "invalid_client", "Invalid client secret provided for app '{client}'."),
    7000218: _Code(401, "invalid_client", "The request body must contain 'client_assertion' or 'client_secret'."),
}


class TokenRequestError(Exception):
    """Raised for a token request that Entra would reject.

    `text` starts with the AADSTS code. `status` is the HTTP status of the token endpoint's response. `claims` is a
    claims challenge, with which the client can sign the user in again.
    """

    def __init__(self, code: int, *, claims: str | None = None, **words: str) -> None:
        kind = _CODES[code]
        self.code = code
        self.claims = claims
        self.status = kind.status
        self.error = kind.error
        self.text = f"AADSTS{code}: {kind.text.format(**words)}"
        super().__init__(self.text)


def error_response(error: TokenRequestError) -> JSONResponse:
    """Return the token endpoint's response for an error."""
    now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    return JSONResponse(
        {
            "error": error.error,
            "error_description": f"{error.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [error.code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
            **({"claims": error.claims} if error.claims else {}),
        },
        status_code=error.status,
        headers=NO_STORE,
    )
