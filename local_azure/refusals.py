"""Why Entra gives no token: its AADSTS codes, as far as this tenant has a use for them.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The texts are shortened: clients branch on
`error` and on the code.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Code:
    status: int
    error: str
    text: str


_CODES = {
    50034: _Code(400, "invalid_grant", "The user account {user} does not exist in the directory '{tenant}'."),
    50105: _Code(400, "invalid_grant", "The signed in user '{principal}' is not assigned to a role for '{api}'."),
    65001: _Code(
        400, "invalid_grant", "The user or administrator has not consented to use the application '{client}'."
    ),
    70003: _Code(400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    70011: _Code(400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid: '{scope}'."),
    90002: _Code(400, "invalid_request", "Tenant '{tenant}' not found. Check that you have the correct tenant ID."),
    500011: _Code(400, "invalid_resource", "The resource principal named {resource} was not found in '{tenant}'."),
    501051: _Code(400, "invalid_grant", "Application '{principal}' is not assigned to a role for '{api}'."),
    650053: _Code(400, "invalid_scope", "The scope '{scope}' does not exist on the resource '{api}'."),
    700016: _Code(400, "unauthorized_client", "Application '{client}' was not found in the directory '{tenant}'."),
    900144: _Code(400, "invalid_request", "The request body must contain the following parameter: '{parameter}'."),
    901002: _Code(400, "invalid_request", "The 'resource' request parameter is not supported."),
    1002012: _Code(
        400,
        "invalid_scope",
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    7000215: _Code(401, "invalid_client", "Invalid client secret provided for app '{client}'."),
    7000218: _Code(401, "invalid_client", "The request body must contain 'client_assertion' or 'client_secret'."),
}


class Refused(Exception):
    """Entra gives no token. `text` is the description with its code, `status` that of the token endpoint."""

    def __init__(self, code: int, **words: str) -> None:
        kind = _CODES[code]
        self.code = code
        self.status = kind.status
        self.error = kind.error
        self.text = f"AADSTS{code}: {kind.text.format(**words)}"
        super().__init__(self.text)
