"""Validation of the tenant's tokens: each defect is rejected, and no message contains a part of the token."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import SigningKey
from local_azure.entra.token_validation import (
    InvalidToken,
    MalformedToken,
    TokenLifetimeError,
    WrongAudience,
    extract_bearer_token,
    validate,
)
from tests.support.forge import GONE, Forge, base64url, encode


def in_(seconds: int) -> int:
    """Return the time in so many seconds, as in a token."""
    return int(time.time()) + seconds


def hmac_with_the_public_key(forge: Forge) -> str:
    """Return a token that is signed with the public key as an HMAC secret."""
    public = forge.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{encode(forge.header(alg='HS256'))}.{encode(forge.claims())}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), public)
    return f"{signing_input}.{base64url(signature)}"


def with_its_own_key(forge: Forge, key: SigningKey) -> str:
    return forge.sign(forge.claims(), forge.header(jwk=key.jwk(), kid=forge.kid), key=key.private)


def checked(token: str, azure: LocalAzure, *audiences: str, **options: int) -> dict:
    """Validate a token for aad-func, or for other audiences."""
    wanted = audiences or [azure.directory.application("aad-func").client_id]
    return validate(token, azure.keys.public, azure.issuer.issuer(2), wanted, **options)


def test_valid_token_has_its_claims(local_azure_server: LocalAzure, forge: Forge):
    claims = forge.claims()
    assert checked(forge.sign(claims), local_azure_server) == claims
    assert checked(forge.sign(claims), local_azure_server, "other", claims["aud"]) == claims


DEFECTS = [
    ("no token", lambda forge: "", MalformedToken),
    ("two parts", lambda forge: "x.y", MalformedToken),
    ("not base64url", lambda forge: "é.é.é", MalformedToken),
    ("claims that are a list", lambda forge: forge.sign([]), MalformedToken),
    ("claims that are not JSON", lambda forge: forge.sign(b"{"), MalformedToken),
    ("a header that is not JSON", lambda forge: forge.sign(forge.claims(), b"{"), MalformedToken),
    ("a header without kid", lambda forge: forge.sign(forge.claims(), forge.header(kid=GONE)), InvalidToken),
    ("an unknown kid", lambda forge: forge.sign(forge.claims(), forge.header(kid="unknown")), InvalidToken),
    ("a kid that is a number", lambda forge: forge.sign(forge.claims(), forge.header(kid=1)), InvalidToken),
    ("alg none", lambda forge: f"{encode(forge.header(alg='none'))}.{encode(forge.claims())}.", InvalidToken),
    ("the public key as an HMAC secret", hmac_with_the_public_key, InvalidToken),
    ("RS512", lambda forge: jwt.encode(forge.claims(), forge.key, "RS512", {"kid": forge.kid}), InvalidToken),
    ("changed claims", lambda forge: f"{forge.token(oid='x').rpartition('.')[0]}.{forge.token()[-342:]}", InvalidToken),
    ("expired", lambda forge: forge.token(exp=in_(-400)), TokenLifetimeError),
    ("not valid yet", lambda forge: forge.token(nbf=in_(4000)), TokenLifetimeError),
    ("exp that is text", lambda forge: forge.token(exp="tomorrow"), MalformedToken),
    ("without an expiry", lambda forge: forge.token(exp=GONE), InvalidToken),
    ("without a tenant", lambda forge: forge.token(tid=GONE), InvalidToken),
    ("without an issuer", lambda forge: forge.token(iss=GONE), InvalidToken),
    ("without an audience", lambda forge: forge.token(aud=GONE), InvalidToken),
    ("another issuer", lambda forge: forge.token(iss="https://sts.windows.net/x/"), InvalidToken),
    ("the issuer of version 1", lambda forge: forge.token(iss=forge.azure.issuer.issuer(1)), InvalidToken),
    ("another audience", lambda forge: forge.token(aud="api://other"), WrongAudience),
    ("the audience in upper case", lambda forge: forge.token(aud=forge.api.client_id.upper()), WrongAudience),
]


@pytest.mark.parametrize(("why", "make", "error"), DEFECTS, ids=[case[0] for case in DEFECTS])
def test_defect_is_rejected_without_quoting_the_token(why, make, error, local_azure_server: LocalAzure, forge: Forge):
    token = make(forge)
    with pytest.raises(InvalidToken) as caught:
        checked(token, local_azure_server)
    assert type(caught.value) is error
    assert not [part for part in token.split(".") if len(part) > 1 and part in str(caught.value)]


def test_keys_in_the_token_are_not_used(local_azure_server: LocalAzure, forge: Forge, new_key: SigningKey):
    with pytest.raises(InvalidToken, match="Invalid signature"):
        checked(with_its_own_key(forge, new_key), local_azure_server)


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -200), ("nbf", 200)], ids=["expired", "not valid yet"])
def test_clocks_may_differ_by_the_leeway(claim, seconds, local_azure_server: LocalAzure, forge: Forge):
    token = forge.token(**{claim: in_(seconds)})
    assert checked(token, local_azure_server)
    with pytest.raises(TokenLifetimeError):
        checked(token, local_azure_server, leeway=0)


def test_audience_is_checked_unless_any_is_accepted(local_azure_server: LocalAzure, forge: Forge):
    keys, issuer = local_azure_server.keys.public, local_azure_server.issuer.issuer(2)
    assert validate(forge.token(aud="other"), keys, issuer, None)["aud"] == "other"
    with pytest.raises(WrongAudience):
        validate(forge.token(), keys, issuer, [])


HEADERS = [
    ("a token", ["Bearer abc"], "abc"),
    ("other capitalization and additional spaces", ["bEARER   abc "], "abc"),
    ("no header", [], None),
    ("two headers", ["Bearer abc", "Bearer abc"], None),
    ("another scheme", ["Basic abc"], None),
    ("a scheme that starts with Bearer", ["BearerX abc"], None),
    ("no token", ["Bearer"], None),
    ("only spaces", ["Bearer  "], None),
    ("no scheme", ["abc"], None),
]


@pytest.mark.parametrize(("why", "headers", "token"), HEADERS, ids=[case[0] for case in HEADERS])
def test_token_is_in_exactly_one_header(why, headers, token):
    if token is not None:
        assert extract_bearer_token(headers) == token
        return
    with pytest.raises(InvalidToken, match=r"^Access token is empty\.$"):
        extract_bearer_token(headers)
