"""The claims of the caller that App Service authentication (Easy Auth) authenticated, from X-MS-CLIENT-PRINCIPAL.

Easy Auth validates signature, issuer and expiry, and removes the header from client requests, but only while it is
enabled. https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

import base64
from typing import Any

from aad_func.compact_jws import strict_json_object
from common.problems import Problem

HEADER = "x-ms-client-principal"
MAX_HEADER_CHARS = 64 * 1024

_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_ENTRA = "http://schemas.microsoft.com/identity/claims/"

# With the token store enabled, Easy Auth uses these long names; without it, the names in the token.
_SHORT_NAMES = {
    f"{_ENTRA}tenantid": "tid",
    f"{_ENTRA}objectidentifier": "oid",
    f"{_ENTRA}identityprovider": "idp",
    f"{_ENTRA}scope": "scp",
    f"{_SOAP}nameidentifier": "sub",
    f"{_SOAP}emailaddress": "email",
    f"{_SOAP}givenname": "given_name",
    f"{_SOAP}surname": "family_name",
    f"{_SOAP}upn": "upn",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "roles",
}
_SINGLE_VALUED = ("aud", "iss", "tid", "oid", "sub", "scp", "azp", "appid", "idtyp", "ver")


def parse_client_principal(header: str | None) -> dict[str, Any]:
    """Return the claims by their names in a token: strings, and a list for `roles`. Raises `missing_principal`."""
    if not header or len(header) > MAX_HEADER_CHARS:
        raise Problem("missing_principal")
    try:
        principal = strict_json_object(base64.b64decode(header, validate=True))
    except (ValueError, Problem):
        raise Problem("missing_principal") from None
    entries = principal.get("claims")
    if principal.get("auth_typ") != "aad" or not isinstance(entries, list):
        raise Problem("missing_principal")
    claims: dict[str, Any] = {}
    for entry in entries:
        match entry:
            case {"typ": str(claim_type), "val": str(value)}:
                # The principal's role_typ is ignored: it could make any claim a role.
                name = _SHORT_NAMES.get(claim_type, claim_type)
            case _:
                raise Problem("missing_principal")
        if name == "roles":
            claims.setdefault("roles", []).append(value)
        elif name not in claims:
            claims[name] = value
        elif name in _SINGLE_VALUED:
            raise Problem("missing_principal")
        else:  # Easy Auth flattens a list into several entries.
            claims[name] = f"{claims[name]},{value}"
    return claims
