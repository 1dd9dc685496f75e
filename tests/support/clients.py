"""What Azure's client libraries see: this process as a site of a local tenant, and tokens read back."""

import os
from typing import Any

import jwt
import pytest

from local_azure.cloud import LocalAzure
from tests.support.apps import _OURS, _PROXIES


def become(monkeypatch: pytest.MonkeyPatch, azure: LocalAzure, site: str = "msi-func", *, imds: bool = False) -> None:
    """Give this process the site's settings and nothing else that a credential would read."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name in _PROXIES:
            monkeypatch.delenv(name)
    for name, value in azure.environment(site).items():
        if not (imds and name.startswith("IDENTITY_")):
            monkeypatch.setenv(name, value)


def verified(azure: LocalAzure, token: str, api: str = "aad-func") -> dict[str, Any]:
    """The claims of a token for one of the tenant's APIs, checked as an API would with PyJWT, over https."""
    app = azure.directory.application(api)
    version = "v2.0/" if app.token_version == 2 else ""
    keys = jwt.PyJWKClient(f"{azure.https_origin}/{azure.directory.tenant_id}/discovery/{version}keys")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["RS256"],
        audience=[app.client_id, *app.app_id_uris],
        issuer=azure.issuer.issuer(app.token_version),
        options={"require": ["exp", "nbf", "iss", "aud", "tid", "oid", "sub", "ver"]},
    )
