"""UserAssertion: parsing of a user's token before Entra validates it."""

import pytest

from common.problems import Problem
from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from msi_func.user_assertion import UserAssertion
from tests.support.forge import GONE, Forge, encode
from tests.support.users import DEVELOPER, MSI_FUNC

HEADER = encode({"alg": "RS256", "typ": "JWT"})
CLAIMS = encode({"scp": "s", "exp": 2_000_000_000})


def code_of(header: str | None) -> str:
    with pytest.raises(Problem) as raised:
        UserAssertion.from_header(header)
    return raised.value.code


HEADERS = [
    (None, "user_token_required"),
    ("", "user_token_required"),
    ("Basic eDp5", "user_token_required"),
    ("Bearer", "malformed_token"),
    (f"Bearer {HEADER}.{CLAIMS}.c2ln,Bearer {HEADER}.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{CLAIMS}", "malformed_token"),
    (f"Bearer {HEADER}.e30=.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{CLAIMS}.c2ln.c2ln", "malformed_token"),
    (f"Bearer a.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{encode(b'[' * 10_000)}.c2ln", "malformed_token"),
    (f"Bearer {encode(b'[' * 10_000)}.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{encode(b'1' * 10_000)}.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{encode(bytes([255, 254]))}.c2ln", "malformed_token"),
    (f"Bearer {encode(['no', 'object'])}.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {encode({'alg': 'RS256', 'b64': False})}.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {encode({'alg': 'RS256', 'crit': ['x'], 'x': 1})}.{CLAIMS}.c2ln", "malformed_token"),
    (f"Bearer {HEADER}.{'A' * 20_000}.c2ln", "malformed_token"),
]


@pytest.mark.parametrize(("header", "code"), HEADERS, ids=[str(header)[:40] for header, _ in HEADERS])
def test_header_without_one_decodable_token_is_rejected(header, code):
    assert code_of(header) == code


INVALID_CLAIMS = [
    ([], "malformed_token"),
    ({"scp": "s"}, "malformed_token"),
    ({"scp": "s", "exp": None}, "malformed_token"),
    ({"scp": "s", "exp": True}, "malformed_token"),
    ({"scp": "s", "exp": "1"}, "malformed_token"),
    ({"scp": "s", "exp": 0}, "malformed_token"),
    ({"scp": "s", "exp": -1}, "malformed_token"),
    ({"scp": "s", "exp": 2**40}, "malformed_token"),
    (b'{"scp": "s", "exp": NaN}', "malformed_token"),
    (b'{"scp": "s", "exp": 1e999}', "malformed_token"),
    ({"exp": 1}, "user_token_required"),
    ({"exp": 1, "scp": ["s"]}, "user_token_required"),
]


@pytest.mark.parametrize(("claims", "code"), INVALID_CLAIMS, ids=[str(claims) for claims, _ in INVALID_CLAIMS])
def test_claims_without_user_or_expiry_are_rejected(claims, code):
    assert code_of(f"Bearer {HEADER}.{encode(claims)}.c2ln") == code


def test_assertion_has_the_unverified_claims_and_a_digest_of_the_whole_token(local_azure: LocalTenant):
    def expiring(exp: float | None) -> str:
        return local_azure.token("msi-func-api", user=DEVELOPER, claims={"exp": exp})

    tokens = [expiring(exp) for exp in (2e9, 9_000_000_000)]
    tokens.append(tokens[0].rpartition(".")[0] + "." + tokens[1].rpartition(".")[2])  # another signature
    assertions = [UserAssertion.from_header(f"Bearer {token}") for token in tokens]
    assert [assertion.value for assertion in assertions] == tokens
    assert [assertion.expires_on for assertion in assertions] == [2e9, 9_000_000_000, 2e9]
    assert {assertion.audience for assertion in assertions} == {MSI_FUNC}
    assert {assertion.tenant_id for assertion in assertions} == {local_azure.tenant_id}
    assert len({assertion.digest for assertion in assertions}) == 3
    assert code_of(f"Bearer {expiring(None)}") == "malformed_token"


UNUSUAL = [{"aud": GONE, "tid": GONE}, {"aud": ["a", "b"], "tid": 5}, {"aud": None, "tid": {}}]


@pytest.mark.parametrize("changes", UNUSUAL, ids=["missing", "list and number", "null and object"])
def test_audience_and_tenant_of_another_type_match_nothing(changes, local_azure_server: LocalAzure):
    forge = Forge(local_azure_server, "msi-func-api")
    user = UserAssertion.from_header(f"Bearer {forge.token(user=True, **changes)}")
    assert user.audience != forge.api.client_id
    assert user.tenant_id != local_azure_server.directory.tenant_id


def test_repr_contains_no_part_of_the_token(local_azure: LocalTenant):
    token = local_azure.token("msi-func-api", user=DEVELOPER)
    text = repr(UserAssertion.from_header(f"Bearer {token}"))
    assert not any(part in text for part in token.split("."))
