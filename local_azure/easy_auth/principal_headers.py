"""The headers in which App Service authentication (Easy Auth) passes a caller's claims to an app.

https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities. The claim
types are those that App Service uses if the token store is enabled, which is the portal's default.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_ENTRA = "http://schemas.microsoft.com/identity/claims"
_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"

_LONG_NAMES = {
    "tid": f"{_ENTRA}/tenantid",
    "oid": f"{_ENTRA}/objectidentifier",
    "idp": f"{_ENTRA}/identityprovider",
    "scp": f"{_ENTRA}/scope",
    "sub": f"{_SOAP}/nameidentifier",
    "email": f"{_SOAP}/emailaddress",
    "given_name": f"{_SOAP}/givenname",
    "family_name": f"{_SOAP}/surname",
    "upn": f"{_SOAP}/upn",
}
_RESERVED = ("x-ms-client-principal", "x-ms-token-")


def is_reserved(name: str) -> bool:
    """Return whether only Easy Auth may set this header. Ignores case, and treats `_` like `-` as some servers do."""
    return name.strip().lower().replace("_", "-").startswith(_RESERVED)


def headers(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for a caller with these validated claims.

    For an application, X-MS-CLIENT-PRINCIPAL-NAME is the object ID. App Service's value is not documented.
    """
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": _LONG_NAMES.get(name, name), "val": value} for name, value in _flatten(claims)],
        "name_typ": f"{_SOAP}/emailaddress",
        # No claim has this type, because claims with Entra's app roles have the type `roles`.
        "role_typ": _ROLE,
    }
    object_id = str(claims.get("oid", claims.get("sub", "")))
    name = next((claims[name] for name in ("preferred_username", "upn", "unique_name") if name in claims), object_id)
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": object_id,
        # The name is encoded in UTF-8. App Service's encoding of non-ASCII names is not documented.
        "X-MS-CLIENT-PRINCIPAL-NAME": str(name).encode().decode("latin-1"),
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }


def _flatten(claims: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield the name and the value of each claim as strings. A list becomes one claim per item."""
    for name, value in claims.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one if isinstance(one, str) else json.dumps(one)
