"""Validation of tokens that client libraries receive."""

from typing import Any

import jwt

from local_azure.cloud import LocalAzure


def verified(azure: LocalAzure, token: str, api: str = "aad-func") -> dict[str, Any]:
    """Validate a token as an API would, with PyJWT and over https, and return its claims."""
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
