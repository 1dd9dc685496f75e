"""Forged credentials: accepted by an app without validation, rejected by aad-func."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aad_func.access_token import AccessTokenValidator
from aad_func.authorization import Authorizer
from aad_func.compact_jws import CompactJws
from aad_func.principal import Principal
from common.problems import Problem
from local_azure.cloud import LocalAzure
from tests.support import apps
from tools.forged import NOBODY, forged_claims, forged_client_principal, forged_token

TENANT = "10ca1000-0000-4000-8000-000000000000"


class NoSignatureCheck(AccessTokenValidator):
    """A validator that accepts every signature, as in an app with disabled validation."""

    async def validate(self, header: str | None) -> Principal:
        token = (header or "").removeprefix("Bearer ")
        return Principal.from_claims(CompactJws.parse(token).claims, "bearer_token")


@pytest.fixture
def authorizer(local_azure_server: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Authorizer:
    with apps.clean_environment(), monkeypatch.context() as patch:
        for name, value in apps.aad_settings(local_azure_server).items():
            patch.setenv(name, value)
        return Authorizer.from_settings()


def outcome(authorizer: Authorizer, headers: Mapping[str, str]) -> str:
    try:
        return asyncio.run(authorizer.authorize(headers)).kind
    except Problem as problem:
        return problem.code


def known_by_response(azure: LocalAzure) -> dict[str, str]:
    """Return forged claims based on aad-func's response to msi-func, without settings on this machine."""
    known = {"tid": azure.directory.tenant_id, "aud": azure.directory.application("aad-func").client_id, "oid": TENANT}
    return forged_claims(known, {})


def known_by_settings(azure: LocalAzure) -> dict[str, str]:
    return forged_claims({}, apps.aad_settings(azure))


SOURCES = [known_by_response, known_by_settings]


@pytest.mark.parametrize("source", SOURCES)
def test_forged_token_is_accepted_only_without_a_signature_check(
    source: Callable[[LocalAzure], dict[str, str]], authorizer: Authorizer, local_azure_server: LocalAzure
):
    headers = {"Authorization": f"Bearer {forged_token(source(local_azure_server))}"}
    assert outcome(dataclasses.replace(authorizer, validator=NoSignatureCheck({})), headers) == "application"
    assert outcome(authorizer, headers) == "unknown_key"


@pytest.mark.parametrize("source", SOURCES)
def test_forged_principal_is_accepted_only_by_an_app_that_trusts_it(
    source: Callable[[LocalAzure], dict[str, str]], authorizer: Authorizer, local_azure_server: LocalAzure
):
    headers = {"X-MS-CLIENT-PRINCIPAL": forged_client_principal(source(local_azure_server))}
    assert outcome(dataclasses.replace(authorizer, easy_auth=True), headers) == "application"
    assert outcome(authorizer, headers) == "missing_token"


def test_forged_identity_does_not_exist():
    claims = forged_claims({"oid": TENANT, "sub": TENANT, "name": "x", "tid": TENANT}, {})
    assert (claims["oid"], claims["sub"], claims["tid"]) == (NOBODY, NOBODY, TENANT)
    assert "name" not in claims


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("values of other types", {"tid": 5, "aud": ["x"], "azp": {}, "iss": None, "ver": True}),
    ("a tenant that is a path", {"tid": "../common"}),
    ("long values", {"aud": "x" * 10**6, "azp": "x" * 10**6}),
    ("control characters", {"aud": "\x1b[2J\r\nX: y"}),
]


@pytest.mark.parametrize(("why", "known"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_hostile_claims_of_a_response_result_in_valid_headers(why, known):
    claims = forged_claims(known, {})
    assert claims["tid"] == NOBODY
    for value in (forged_client_principal(claims), forged_token(claims)):
        assert value.isascii()
        assert value.isprintable()
        assert len(value) < 8192
