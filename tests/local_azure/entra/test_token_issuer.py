"""The claims of managed identities' tokens."""

import jwt

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.tenant_requests import API, V1, request_identity_token


def test_claims_and_lifetime_of_a_version_2_token(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    claims = verified(local_azure_server, request_identity_token(local_azure_server).json()["access_token"])
    names = "aud iss iat nbf exp aio azp azpacr idtyp oid rh roles sub tid uti ver"
    assert sorted(claims) == sorted(names.split())
    assert (claims["aud"], claims["ver"], claims["azpacr"], claims["idtyp"]) == (API[6:], "2.0", "2", "app")
    assert claims["exp"] - claims["nbf"] == 86_700
    assert claims["iat"] == claims["nbf"]


def test_claims_of_a_version_1_token(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    for resource in (V1, V1[6:], V1.upper().replace("API://", "api://")):
        claims = verified_v1(
            local_azure_server,
            request_identity_token(local_azure_server, resource=resource).json()["access_token"],
            resource,
        )
        names = "aud iss iat nbf exp aio appid appidacr idp oid rh roles sub tid uti ver"
        assert sorted(claims) == sorted(names.split())
        assert (claims["aud"], claims["ver"], claims["idp"]) == (resource, "1.0", claims["iss"])


def verified_v1(azure: LocalAzure, token: str, audience: str) -> dict:
    assert "x5t" in jwt.get_unverified_header(token)
    key = azure.keys.current.private.public_key()
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=azure.issuer.issuer(1))
