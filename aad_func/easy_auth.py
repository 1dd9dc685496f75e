"""The identity that App Service authentication (Easy Auth) vouches for, from X-MS-CLIENT-PRINCIPAL.

Easy Auth has checked signature, issuer and expiry by then and strips the header from what clients send; both only
while it is switched on. https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

import base64
import binascii
from typing import Any

from common.bearer_token import json_object
from common.problems import Problem

HEADER = "x-ms-client-principal"
MAX_HEADER_CHARS = 64 * 1024

_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_ENTRA = "http://schemas.microsoft.com/identity/claims/"
_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"

# With the token store on, Easy Auth writes these claims under long names; without it, under the token's own.
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
    _ROLE: "roles",
}


def claims(header: str | None) -> dict[str, Any]:
    """The claims under the names that they have in a token; all are strings but `roles`, a list of strings.

    Raises `missing_principal` where the header is absent, not in Easy Auth's shape, or not about an Entra identity.
    """
    if not header or len(header) > MAX_HEADER_CHARS:
        raise Problem("missing_principal")
    try:
        principal = json_object(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, Problem):
        raise Problem("missing_principal") from None
    entries = principal.get("claims")
    if principal.get("auth_typ") != "aad" or not isinstance(entries, list):
        raise Problem("missing_principal")
    # Easy Auth's role_typ names a claim type that Entra does not use for app roles, so that one is not enough.
    role_types = ("roles", _ROLE, principal.get("role_typ"))
    found: dict[str, Any] = {}
    for entry in entries:
        name, value = _entry(entry)
        if name in role_types:
            found.setdefault("roles", []).append(value)
            continue
        name = _SHORT_NAMES.get(name, name)
        # Lists are flattened into entries of one type; of what must be one thing, two are a contradiction.
        if name in found and name in _SINGLE:
            raise Problem("missing_principal")
        found[name] = value if name not in found else f"{found[name]},{value}"
    return found


_SINGLE = ("aud", "iss", "tid", "oid", "sub", "scp", "azp", "appid", "idtyp", "ver")


def _entry(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict):
        raise Problem("missing_principal")
    name, value = entry.get("typ"), entry.get("val")
    if not isinstance(name, str) or not isinstance(value, str):
        raise Problem("missing_principal")
    return name, value
