"""The cache of parsed header segments."""

import pytest

from aad_func import compact_jws
from aad_func.compact_jws import CompactJws
from common.problems import Problem
from local_azure.testing import LocalTenant
from tests.support.forge import encode


@pytest.fixture(autouse=True)
def empty_cache():
    compact_jws._parse_header.cache_clear()


def test_header_segment_is_parsed_once(kid: str, local_azure: LocalTenant):
    tokens = [local_azure.token("aad-func", claims={"number": number}) for number in range(5)]
    assert {CompactJws.parse(token).kid for token in tokens} == {kid}
    assert (compact_jws._parse_header.cache_info().misses, compact_jws._parse_header.cache_info().hits) == (1, 4)


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "RS256"}, {"alg": "RS256", "kid": "k", "crit": ["x"]}, b"{"]
)
def test_rejected_header_is_not_cached(header, local_azure: LocalTenant):
    _, payload, _ = local_azure.token("aad-func").split(".")
    token = f"{encode(header)}.{payload}.AAAA"
    for _ in range(3):
        with pytest.raises(Problem):
            CompactJws.parse(token)
    assert compact_jws._parse_header.cache_info().currsize == 0


def test_cache_is_bounded_and_no_header_affects_another(kid: str, local_azure: LocalTenant):
    token = local_azure.token("aad-func")
    for number in range(500):
        segment = encode({"alg": "RS256", "kid": f"{kid}-{number}"})
        assert CompactJws.parse(f"{segment}.{token.split('.', 1)[1]}").kid == f"{kid}-{number}"
    assert CompactJws.parse(token).kid == kid
    assert compact_jws._parse_header.cache_info().currsize == compact_jws._parse_header.cache_info().maxsize
