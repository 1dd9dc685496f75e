"""A principal that nobody vouches for, complete in all that aad-func looks at: who believes it is open to all."""

import base64
import json
import os
import time
from typing import Any

from common.settings import is_guid

# Somebody who does not exist.
NOBODY = "f0f0f0f0-f0f0-4f0f-8f0f-f0f0f0f0f0f0"


def principal(claims: Any) -> str | None:
    """A value for X-MS-CLIENT-PRINCIPAL; None where tenant and audience are not known.

    They are taken from `claims` of an answer of aad-func's, else from this machine's settings: both are no secrets.
    """
    known = claims if isinstance(claims, dict) else {}
    tenant = str(known.get("tid") or os.environ.get("ENTRA_TENANT_ID", ""))
    audience = str(known.get("aud") or os.environ.get("AAD_FUNC_CLIENT_ID", ""))
    if not is_guid(tenant.lower()) or not audience:
        return None
    forged = {
        "aud": audience,
        "iss": str(known.get("iss", f"https://login.microsoftonline.com/{tenant}/v2.0")),
        "tid": tenant,
        "oid": NOBODY,
        "sub": NOBODY,
        "azp": str(known.get("azp", NOBODY)),
        "appid": str(known.get("appid", NOBODY)),
        "azpacr": "2",
        "appidacr": "2",
        "idtyp": "app",
        "roles": os.environ.get("AAD_FUNC_REQUIRED_ROLE", "DoAll"),
        "ver": str(known.get("ver", "2.0")),
        "exp": str(int(time.time()) + 600),
    }
    entries = [{"typ": name, "val": value} for name, value in forged.items()]
    document = {"auth_typ": "aad", "claims": entries, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(document).encode()).decode()
