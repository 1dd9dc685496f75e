"""Forged credentials with everything that aad-func reads. An app that accepts them is open to anyone."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from common.settings import is_guid
from tools.probe import string

# An object ID that does not exist.
NOBODY = "f0f0f0f0-f0f0-4f0f-8f0f-f0f0f0f0f0f0"


def forged_claims(known: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
    """Return claims that aad-func would accept if aad-func trusted forged credentials.

    Tenant and audience come from an accepted caller's claims (`known`) or from this machine's settings. If neither
    contains them, they are invented, and an app that trusts forged credentials rejects the claims instead.
    """
    tenant = (string(known, "tid") or settings.get("ENTRA_TENANT_ID", "")).lower()
    tenant = tenant if is_guid(tenant) else NOBODY
    client = string(known, "azp") or string(known, "appid") or NOBODY
    return {
        "aud": string(known, "aud") or settings.get("AAD_FUNC_CLIENT_ID", NOBODY),
        "iss": string(known, "iss") or f"https://login.microsoftonline.com/{tenant}/v2.0",
        "tid": tenant,
        "oid": NOBODY,
        "sub": NOBODY,
        "azp": client,
        "appid": client,
        "azpacr": "2",
        "appidacr": "2",
        "idtyp": "app",
        "roles": settings.get("AAD_FUNC_REQUIRED_ROLE", "DoAll"),
        "ver": string(known, "ver") or "2.0",
    }


def forged_client_principal(claims: Mapping[str, str]) -> str:
    """Return a value for X-MS-CLIENT-PRINCIPAL that Easy Auth did not issue."""
    entries = [{"typ": name, "val": value} for name, value in claims.items()]
    entries.append({"typ": "exp", "val": str(int(time.time()) + 600)})
    document = {"auth_typ": "aad", "claims": entries, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(document).encode()).decode()


def forged_token(claims: Mapping[str, str]) -> str:
    """Return a token with these claims and a signature of zeros."""
    now = int(time.time())
    payload = {**claims, "roles": [claims["roles"]], "iat": now, "nbf": now, "exp": now + 600}
    header = {"typ": "JWT", "alg": "RS256", "kid": "forged"}
    return ".".join((_segment(json.dumps(header)), _segment(json.dumps(payload)), _segment("\0" * 256)))


def _segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
