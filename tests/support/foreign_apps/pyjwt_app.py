"""An API that validates tokens with PyJWT."""

import os

import jwt

AUDIENCE = "aad00002-c11d-4000-8000-000000000000"


def caller(token):
    authority = f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['AZURE_TENANT_ID']}"
    key = jwt.PyJWKClient(f"{authority}/discovery/v2.0/keys").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=f"{authority}/v2.0")
