"""Benchmarks of token validation with the Authorizer, PyJWT and other libraries."""

import base64
import os
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from fastapi.security import SecurityScopes
from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer
from joserfc import jwt as joserfc
from joserfc.jwk import KeySet, RSAKey
from starlette.requests import Request

from bench.contenders import Contender, Validate, authorizer, headers, interleave
from bench.load_runner import MeasurementError
from bench.report import Row, speedup
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge

REFERENCE = "jwt.decode"
# The minimum ratio to each baseline, or None if there is no goal.
GOALS = {
    ("a cached token", REFERENCE): 15.0,
    ("a new token", REFERENCE): 1.0,
    ("a new token", "fastapi-azure-auth"): 1.0,
    ("a new token", "joserfc"): 1.0,
    ("a new token", "joserfc, fewer checks"): None,
    ("a new token", "one RSA-2048 verification"): None,
}
SIZE = 16 * 1024


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows for cached, new and malformed tokens."""
    forge, ours = Forge(azure), authorizer(azure)
    first, *tokens = [forge.token(number=number) for number in range(501)]
    requests = [headers(token) for token in tokens]
    contenders = {
        "a cached token": Contender(lambda: ours, requests * 12, warm_up=requests, is_async=True),
        "a new token": Contender(lambda: authorizer(azure), requests, warm_up=[headers(first)], is_async=True),
    }
    baselines = {
        REFERENCE: Contender(lambda: _pyjwt(azure, forge), tokens, warm_up=tokens[:1]),
        "fastapi-azure-auth": _fastapi_azure_auth(azure, forge, tokens),
        "joserfc": Contender(lambda: _joserfc(azure, forge, all_checks=True), requests, warm_up=requests[:1]),
        "joserfc, fewer checks": Contender(
            lambda: _joserfc(azure, forge, all_checks=False), tokens, warm_up=tokens[:1]
        ),
        "one RSA-2048 verification": Contender(lambda: _signature_only(forge), tokens, warm_up=tokens[:1]),
    }
    for (name, baseline), goal in GOALS.items():
        # Only two contenders run alternately, because each evicts the data of all others from the CPU's caches.
        seconds = interleave({"ours": contenders[name], "theirs": baselines[baseline]})
        pairs = _microseconds(seconds["ours"], seconds["theirs"])
        yield speedup(name, baseline, pairs, "µs", least=goal)
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
    """Return a function that performs some of the Authorizer's checks with PyJWT. The key is preloaded."""
    key, issuer = forge.key.public_key(), azure.issuer.issuer(2)
    options: Any = {"require": ["exp", "iss", "aud", "tid", "ver"]}
    return lambda token: jwt.decode(
        token, key, algorithms=["RS256"], audience=[forge.api.client_id], issuer=issuer, leeway=300, options=options
    )


def _joserfc(azure: LocalAzure, forge: Forge, *, all_checks: bool) -> Validate:
    """Return a function that validates tokens with joserfc. The key is loaded beforehand.

    With `all_checks`, the function looks up the key by `kid` and performs all checks of the Authorizer.
    """
    key = RSAKey.import_key(azure.keys.current.jwk())
    keys = KeySet.import_key_set({"keys": [{**azure.keys.current.jwk(), "kid": forge.kid}]})
    common: Any = {
        "iss": {"essential": True, "value": azure.issuer.issuer(2)},
        "aud": {"essential": True, "value": forge.api.client_id},
        "exp": {"essential": True},
    }
    if not all_checks:
        claims = joserfc.JWTClaimsRegistry(**common, leeway=300)
        return lambda token: claims.validate(joserfc.decode(token, key, algorithms=["RS256"]).claims)
    strict = joserfc.JWTClaimsRegistry(
        **common,
        tid={"essential": True, "value": azure.directory.tenant_id},
        ver={"essential": True, "value": "2.0"},
        azp={"essential": True},
        oid={"essential": True},
        sub={"essential": True},
        leeway=300,
    )

    def authorize(headers: Mapping[str, str]) -> None:
        scheme, _, token = headers["authorization"].partition(" ")
        claims = joserfc.decode(token, keys, algorithms=["RS256"]).claims
        strict.validate(claims)
        if scheme != "Bearer" or "scp" in claims or claims["oid"] != claims["sub"] or "DoAll" not in claims["roles"]:
            raise MeasurementError("joserfc rejected a valid token")

    return authorize


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
