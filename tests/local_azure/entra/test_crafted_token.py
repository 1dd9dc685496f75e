"""Tokens for tests, with chosen claims, lifetime and key."""

import re
import time

import jwt
import pytest

from local_azure.cloud import LocalAzure
from local_azure.entra import crafted_token
from local_azure.testing import LocalTenant
from tests.support.tenant_requests import V1


def test_expired_token_has_a_lifetime_of_normal_length(local_azure: LocalTenant):
    claims = jwt.decode(local_azure.token("aad-func", expired=True), options={"verify_signature": False})
    assert claims["exp"] - claims["nbf"] == 86_700
    assert abs(time.time() - 3600 - claims["exp"]) < 60


def test_version_1_token_has_the_version_1_issuer(local_azure: LocalTenant):
    claims = jwt.decode(local_azure.token("aad-func-v1"), options={"verify_signature": False})
    assert (claims["ver"], claims["aud"], claims["iss"]) == ("1.0", V1, local_azure.issuer.removesuffix("v2.0"))


def payload(azure: LocalAzure, audience: str = "aad-func", **caller: str) -> dict:
    return crafted_token.payload(azure.directory, azure.issuer, audience, **caller)


MISTAKES = [
    ("an unknown API", "nowhere", {}, "nowhere does not exist. Existing names: Microsoft Graph, aad-func, "),
    (
        "an unknown site",
        "aad-func",
        {"site": "ghost"},
        "ghost does not exist. Existing names: msi-func, msi-func/slots/st",
    ),
    (
        "an unknown application",
        "aad-func",
        {"daemon": "ghost"},
        "ghost does not exist. Existing names: Microsoft Graph, ",
    ),
    ("a site without an identity", "aad-func", {"site": "aad-func"}, "the site aad-func has no system-assigned"),
    ("two callers", "aad-func", {"user": "a", "daemon": "b"}, "specify only one of site, user and daemon"),
]


@pytest.mark.parametrize(("why", "audience", "caller", "message"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_unknown_name_is_an_error_that_lists_known_names(
    why, audience, caller, message, local_azure_server: LocalAzure
):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        payload(local_azure_server, audience, **caller)


def test_version_1_token_has_the_requested_audience(local_azure_server: LocalAzure):
    for audience, expected in (("aad-func-v1", V1), (V1, V1), (V1.removeprefix("api://"), V1.removeprefix("api://"))):
        assert payload(local_azure_server, audience)["aud"] == expected


def test_user_with_an_mfa_policy_has_a_second_factor(local_azure_server: LocalAzure):
    assert payload(local_azure_server, user="guarded@local.example")["amr"] == ["pwd", "mfa"]
    assert "amr" not in payload(local_azure_server, user="developer@local.example")


@pytest.mark.parametrize("claim", ["iat", "nbf", "exp"])
def test_moving_one_time_shifts_the_others_equally(claim: str):
    claims = {"iat": 100, "nbf": 200, "exp": 1000, "oid": "x"}
    crafted_token.move_lifetime(claims, claim, 5000.7)
    assert claims[claim] == 5000
    assert (claims["nbf"] - claims["iat"], claims["exp"] - claims["nbf"], claims["oid"]) == (100, 800, "x")


def test_wrong_key_has_the_published_kid_and_another_signature(local_azure_server: LocalAzure):
    keys, claims = local_azure_server.keys, {"ver": "2.0", "oid": "x"}
    right, wrong = (crafted_token.sign(keys, claims, wrong_key=wrong) for wrong in (False, True))
    assert right.rpartition(".")[0] == wrong.rpartition(".")[0]
    assert jwt.get_unverified_header(wrong)["kid"] == keys.current.kid
    assert jwt.decode(right, keys.public(keys.current.kid), algorithms=["RS256"]) == claims
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(wrong, keys.public(keys.current.kid), algorithms=["RS256"])


@pytest.mark.parametrize(("version", "members"), [("1.0", {"x5t"}), ("2.0", set())])
def test_header_has_the_members_of_the_token_version(version: str, members: set[str], local_azure_server: LocalAzure):
    header = jwt.get_unverified_header(crafted_token.sign(local_azure_server.keys, {"ver": version}))
    assert header.keys() == {"typ", "alg", "kid"} | members
