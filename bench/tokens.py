"""Verifying tokens: our gate beside PyJWT and others that do the same job."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from fastapi.security import SecurityScopes
from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer
from joserfc import jwt as joserfc
from joserfc.jwk import RSAKey
from starlette.requests import Request

from bench.rows import Row, times_faster
from bench.verifying import Contender, Verify, by_turns, headers, our_gate
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge

REFERENCE = "jwt.decode"
SIZE = 16 * 1024


def rows(azure: LocalAzure) -> Iterator[Row]:
    """A token seen before, a token for the first time, garbage."""
    forge, gate = Forge(azure), our_gate(azure)
    first, *tokens = [forge.token(number=number) for number in range(501)]
    ours = [headers(token) for token in tokens]
    contenders = {
        "seen before": Contender(lambda: gate, ours, before=ours, waits=True),
        "for the first time": Contender(lambda: our_gate(azure), ours, before=[headers(first)], waits=True),
        REFERENCE: Contender(lambda: _pyjwt(azure, forge), tokens, before=tokens[:1]),
        "fastapi-azure-auth": _fastapi_azure_auth(azure, forge, tokens),
        "joserfc": Contender(lambda: _joserfc(azure, forge), tokens, before=tokens[:1]),
        "one RSA-2048 verify alone": Contender(lambda: _signature_alone(forge), tokens, before=tokens[:1]),
    }
    spent = by_turns(contenders)
    for what, goal in (("seen before", 15), ("for the first time", 1)):
        for name in list(contenders)[2:]:
            pairs = zip(spent[what], spent[name], strict=True)
            yield times_faster(f"a token {what}", name, pairs, least=goal if name == REFERENCE else None)
    yield from _garbage(azure, forge, first)


def _garbage(azure: LocalAzure, forge: Forge, good: str) -> Iterator[Row]:
    kinds = {
        "16 KiB of random bytes": [os.urandom(SIZE).decode("latin-1") for _ in range(50)],
        "16 KiB of random base64url in three parts": [_three_parts() for _ in range(50)],
    }
    for what, garbage in kinds.items():
        contenders = {
            "ours": Contender(
                lambda: our_gate(azure),
                [headers(each) for each in garbage],
                before=[headers(good)],
                good=False,
                waits=True,
            ),
            "theirs": Contender(lambda: _pyjwt(azure, forge), garbage, before=[good], good=False),
        }
        spent = by_turns(contenders)
        pairs = zip(spent["ours"], spent["theirs"], strict=True)
        yield times_faster(f"refusing {what}", REFERENCE, pairs, least=1)


def _three_parts() -> str:
    text = base64.urlsafe_b64encode(os.urandom(SIZE)).decode()
    return ".".join((text[: SIZE // 4], text[: SIZE // 2], text[: SIZE // 4 - 2]))


def _pyjwt(azure: LocalAzure, forge: Forge) -> Verify:
    """The same checks as far as PyJWT has them, with a key that is loaded."""
    key, issuer = forge.key.public_key(), azure.issuer.issuer(2)
    options: Any = {"require": ["exp", "iss", "aud", "tid", "ver"]}
    return lambda token: jwt.decode(
        token, key, algorithms=["RS256"], audience=[forge.api.client_id], issuer=issuer, leeway=300, options=options
    )


def _joserfc(azure: LocalAzure, forge: Forge) -> Verify:
    key = RSAKey.import_key(azure.keys.current.jwk())
    claims = joserfc.JWTClaimsRegistry(
        iss={"essential": True, "value": azure.issuer.issuer(2)},
        aud={"essential": True, "value": forge.api.client_id},
        exp={"essential": True},
        leeway=300,
    )
    return lambda token: claims.validate(joserfc.decode(token, key, algorithms=["RS256"]).claims)


def _signature_alone(forge: Forge) -> Verify:
    key, signed = forge.key.public_key(), b"x" * 1000
    signature = forge.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return lambda token: key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _fastapi_azure_auth(azure: LocalAzure, forge: Forge, tokens: list[str]) -> Contender:
    tenant = azure.directory.tenant_id
    theirs = SingleTenantAzureAuthorizationCodeBearer(
        app_client_id=forge.api.client_id, tenant_id=tenant, allow_guest_users=True
    )
    theirs.openid_config.config_url = f"{azure.origin}/{tenant}/v2.0/.well-known/openid-configuration"
    requests = [
        Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]}) for token in tokens
    ]
    scopes = SecurityScopes()
    return Contender(lambda: lambda request: theirs(request, scopes), requests, before=requests[:1], waits=True)
