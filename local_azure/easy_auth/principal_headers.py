"""The headers in which App Service authentication (Easy Auth) tells an app who calls.

https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities; names of claims as with the
token store on, which is how the portal sets it.
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
_OURS = ("x-ms-client-principal", "x-ms-token-")


def is_ours(name: str) -> bool:
    """Is this a header that only Easy Auth may set? In any spelling that a server could take for it."""
    return name.strip().lower().replace("_", "-").startswith(_OURS)


def headers(claims: Mapping[str, Any]) -> dict[str, str]:
    """For a caller with these verified claims.

    Who is known by no name (an application) goes by its object id; what App Service writes then is not documented.
    """
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": _LONG_NAMES.get(name, name), "val": value} for name, value in _flat(claims)],
        "name_typ": f"{_SOAP}/emailaddress",
        # It names a type that Entra's app roles do not come under: those stay `roles`.
        "role_typ": _ROLE,
    }
    object_id = str(claims.get("oid", claims.get("sub", "")))
    name = next((claims[name] for name in ("preferred_username", "upn", "unique_name") if name in claims), object_id)
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": object_id,
        # As UTF-8, where a name is not ASCII: what the platform does then is not documented.
        "X-MS-CLIENT-PRINCIPAL-NAME": str(name).encode().decode("latin-1"),
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }


def _flat(claims: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Every value is a text, and a list is one claim for each of its values."""
    for name, value in claims.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one if isinstance(one, str) else json.dumps(one)
