"""Token validation: the Authorizer compared with PyJWT and other libraries for the same task."""

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

from bench.contenders import Contender, Validate, authorizer, headers, interleave
from bench.report import Row, speedup
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge

REFERENCE = "jwt.decode"
SIZE = 16 * 1024


def rows(azure: LocalAzure) -> Iterator[Row]:
    """A cached token, a new token, malformed tokens."""
    forge, ours = Forge(azure), authorizer(azure)
    first, *tokens = [forge.token(number=number) for number in range(501)]
    requests = [headers(token) for token in tokens]
    contenders = {
        "a cached token": Contender(lambda: ours, requests, warm_up=requests, is_async=True),
        "a new token": Contender(lambda: authorizer(azure), requests, warm_up=[headers(first)], is_async=True),
        REFERENCE: Contender(lambda: _pyjwt(azure, forge), tokens, warm_up=tokens[:1]),
        "fastapi-azure-auth": _fastapi_azure_auth(azure, forge, tokens),
        "joserfc": Contender(lambda: _joserfc(azure, forge), tokens, warm_up=tokens[:1]),
        "one RSA-2048 verification": Contender(lambda: _signature_only(forge), tokens, warm_up=tokens[:1]),
    }
    seconds = interleave(contenders)
    for name, goal in (("a cached token", 15), ("a new token", 1)):
        for baseline in list(contenders)[2:]:
            least = goal if baseline == REFERENCE else None
            yield speedup(name, baseline, _microseconds(seconds[name], seconds[baseline]), "µs", least=least)
    yield from _malformed(azure, forge, first)


def _malformed(azure: LocalAzure, forge: Forge, valid: str) -> Iterator[Row]:
    kinds = {
        "16 KiB of random bytes": [os.urandom(SIZE).decode("latin-1") for _ in range(50)],
        "16 KiB of random base64url in three parts": [_three_parts() for _ in range(50)],
    }
    for name, tokens in kinds.items():
        contenders = {
            "ours": Contender(
                lambda: authorizer(azure),
                [headers(each) for each in tokens],
                warm_up=[headers(valid)],
                is_valid=False,
                is_async=True,
            ),
            "theirs": Contender(lambda: _pyjwt(azure, forge), tokens, warm_up=[valid], is_valid=False),
        }
        seconds = interleave(contenders)
        pairs = _microseconds(seconds["ours"], seconds["theirs"])
        yield speedup(f"rejecting {name}", REFERENCE, pairs, "µs", least=1)


def _microseconds(ours: list[float], theirs: list[float]) -> list[tuple[float, float]]:
    return [(ours * 1e6, theirs * 1e6) for ours, theirs in zip(ours, theirs, strict=True)]


def _three_parts() -> str:
    text = base64.urlsafe_b64encode(os.urandom(SIZE)).decode()
    return ".".join((text[: SIZE // 4], text[: SIZE // 2], text[: SIZE // 4 - 2]))


def _pyjwt(azure: LocalAzure, forge: Forge) -> Validate:
    """Return the same checks as far as PyJWT has them, with a loaded key."""
    key, issuer = forge.key.public_key(), azure.issuer.issuer(2)
    options: Any = {"require": ["exp", "iss", "aud", "tid", "ver"]}
    return lambda token: jwt.decode(
        token, key, algorithms=["RS256"], audience=[forge.api.client_id], issuer=issuer, leeway=300, options=options
    )


def _joserfc(azure: LocalAzure, forge: Forge) -> Validate:
    key = RSAKey.import_key(azure.keys.current.jwk())
    claims = joserfc.JWTClaimsRegistry(
        iss={"essential": True, "value": azure.issuer.issuer(2)},
        aud={"essential": True, "value": forge.api.client_id},
        exp={"essential": True},
        leeway=300,
    )
    return lambda token: claims.validate(joserfc.decode(token, key, algorithms=["RS256"]).claims)


def _signature_only(forge: Forge) -> Validate:
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
    return Contender(lambda: lambda request: theirs(request, scopes), requests, warm_up=requests[:1], is_async=True)
