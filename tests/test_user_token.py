"""A user's token as it arrives: what is read of it before Entra has checked it."""

import pytest
from msi_func.exchange import EXCHANGES, PUBLIC_EXCHANGE
from msi_func.user_token import user_token

from common.problems import Problem
from local_azure.cloud import LocalAzure
from tests.support.forge import GONE, Forge, encode


def code_of(header: str | None) -> str:
    with pytest.raises(Problem) as raised:
        user_token(header)
    return raised.value.code


HEADERS = [
    (None, "user_token_required"),
    ("", "user_token_required"),
    ("Basic eDp5", "user_token_required"),
    ("Bearer", "malformed_token"),
    ("Bearer a.b.c,Bearer a.b.c", "malformed_token"),
    ("Bearer a.b", "malformed_token"),
    ("Bearer a.e30=.c", "malformed_token"),
]


@pytest.mark.parametrize(("header", "code"), HEADERS)
def test_what_is_not_one_token_is_refused(header, code):
    assert code_of(header) == code


CLAIMS = [
    ([], "malformed_token"),
    ({"scp": "s"}, "malformed_token"),
    ({"scp": "s", "exp": None}, "malformed_token"),
    ({"scp": "s", "exp": True}, "malformed_token"),
    ({"scp": "s", "exp": "1"}, "malformed_token"),
    (b'{"scp": "s", "exp": NaN}', "malformed_token"),
    (b'{"scp": "s", "exp": 1e999}', "malformed_token"),
    (b'{"scp": "s", "exp": 1, "exp": 2}', "malformed_token"),
    ({"exp": 1}, "user_token_required"),
    ({"exp": 1, "scp": ["s"]}, "user_token_required"),
]


@pytest.mark.parametrize(("claims", "code"), CLAIMS)
def test_what_does_not_say_whose_it_is_and_how_long_is_refused(claims, code):
    assert code_of(f"Bearer a.{encode(claims)}.c") == code


def test_a_users_token_is_known_by_its_hash_and_expiry(azure: LocalAzure):
    forge = Forge(azure, "msi-func-api")
    one, other = (user_token(f"Bearer {forge.token(user=True, exp=exp)}") for exp in (2e9, 2**40))
    assert (one.expires_on, other.expires_on) == (2e9, 2**40)
    assert len({one.digest, other.digest}) == 2
    assert code_of(f"Bearer {forge.token(user=True, exp=GONE)}") == "malformed_token"


def test_each_cloud_has_its_own_name_for_the_exchange():
    """https://learn.microsoft.com/graph/api/resources/federatedidentitycredential"""
    assert PUBLIC_EXCHANGE == "api://AzureADTokenExchange"
    assert EXCHANGES["login.microsoftonline.us"] == "api://AzureADTokenExchangeUSGov"
    chinese = {EXCHANGES["login.partner.microsoftonline.cn"], EXCHANGES["login.chinacloudapi.cn"]}
    assert chinese == {"api://AzureADTokenExchangeChina"}
