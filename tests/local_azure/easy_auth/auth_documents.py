"""authsettingsV2 documents: a minimal document with one member changed."""

import copy
import json
from pathlib import Path
from typing import Any

from local_azure.easy_auth.auth_settings import read_auth_settings

API = "aad00002-c11d-4000-8000-000000000000"


TENANT = "10ca1000-0000-4000-8000-000000000000"


OTHER = "0ddba11c-0000-4000-8000-000000000000"


LOGIN = "https://login.microsoftonline.com"


REQUIRED = {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}


MINIMAL: dict[str, Any] = {
    "globalValidation": REQUIRED,
    "identityProviders": {
        "azureActiveDirectory": {
            "registration": {"openIdIssuer": f"{LOGIN}/{TENANT}/v2.0", "clientId": API},
            "validation": {},
        }
    },
}


PRINCIPALS = "validation/defaultAuthorizationPolicy/allowedPrincipals"


IDENTITIES = "validation/defaultAuthorizationPolicy/allowedPrincipals/identities"


GROUPS = "validation/defaultAuthorizationPolicy/allowedPrincipals/groups"


APPLICATIONS = "validation/defaultAuthorizationPolicy/allowedApplications"


BOTH = "validation/defaultAuthorizationPolicy"


AUDIENCES = "validation/allowedAudiences"


ISSUER = "registration/openIdIssuer"


def settings(path: str = "", value: object = None) -> dict[str, Any]:
    """Return the minimal document with one member changed. `path` is, for example, `validation/allowedAudiences`."""
    document = copy.deepcopy(MINIMAL)
    if path:
        *parents, last = path.split("/")
        entry = document if path.startswith("globalValidation") else entra(document)
        for parent in filter(None, parents):
            entry = entry.setdefault(parent, {})
        entry[last] = value
    return document


def entra(document: dict[str, Any]) -> dict[str, Any]:
    return document["identityProviders"]["azureActiveDirectory"]


def read(folder: Path, document: object):
    file = folder / "auth.json"
    file.write_text(json.dumps(document))
    return read_auth_settings(file)
