"""Parsing of X-MS-CLIENT-PRINCIPAL, in which App Service authentication (Easy Auth) passes on the caller's claims.

Easy Auth validates signature, issuer and expiry of a token, and removes this header from client requests. It does
neither while it is disabled. https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

import base64
from typing import Any

from aad_func.compact_jws import strict_json_object
from common.problems import Problem

HEADER = "x-ms-client-principal"
MAX_HEADER_CHARS = 64 * 1024

_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_ENTRA = "http://schemas.microsoft.com/identity/claims/"

# Easy Auth renames these claims if its token store is enabled. Otherwise they can have the same names as in the token.
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
    """Return the claims under the names that they have in a token. Raises `missing_principal`.

    `roles` is a list of strings. All other values are strings.
    """
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
                # The principal's `role_typ` is ignored, because it could turn any claim into a role.
                name = _SHORT_NAMES.get(claim_type, claim_type)
            case _:
                raise Problem("missing_principal")
        if name == "roles":
            claims.setdefault("roles", []).append(value)
        elif name not in claims:
            claims[name] = value
        elif name in _SINGLE_VALUED:
            raise Problem("missing_principal")
        else:  # Easy Auth splits a list into several entries with the same name.
            claims[name] = f"{claims[name]},{value}"
    return claims
