"""Validation of Entra access tokens: format, signature, issuer and validity period.

Sources: RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (JWT best current practices),
https://learn.microsoft.com/entra/identity-platform/claims-validation
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from aad_func.compact_jws import CompactJws
from aad_func.principal import Principal
from aad_func.signing_keys import SigningKeys
from common.bearer_token import extract_bearer_token
from common.problems import Problem

LEEWAY = 300  # seconds of accepted clock skew, the default of Microsoft's libraries
TOKEN_CACHE_SIZE = 1000
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)


class _CachedToken(NamedTuple):
    """The principal of a valid token, and the key that verified its signature."""

    principal: Principal
    version: str
    kid: str
    key: RSAPublicKey
    not_before: float
    expires: float


class AccessTokenValidator:
    """Validates access tokens of one tenant. `keys` maps token versions to signing keys.

    Valid tokens are cached by their SHA-256, because a managed identity presents the same token for up to a day. The
    validity period of a cached token is checked on every use, and the signature is verified again after each fetch of
    the signing keys. `clock` returns seconds since 1970.
    """

    def __init__(self, keys: Mapping[str, SigningKeys], *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._cache: OrderedDict[bytes, _CachedToken] = OrderedDict()

    async def validate(self, header: str | None) -> Principal:
        """Return the principal of the token in an Authorization header. Does not check tenant, audience or roles."""
        token = extract_bearer_token(header)
        digest = hashlib.sha256(token.encode()).digest()
        cached = self._cache.get(digest)
        if cached is None or self._keys[cached.version].cached_key(cached.kid) is not cached.key:
            cached = await self._verify(CompactJws.parse(token))
        now = self._clock()
        if now >= cached.expires + LEEWAY:
            raise Problem("token_expired")
        if now < cached.not_before - LEEWAY:
            raise Problem("token_not_yet_valid")
        self._cache[digest] = cached
        if len(self._cache) > TOKEN_CACHE_SIZE:
            self._cache.popitem(last=False)
        return cached.principal

    async def _verify(self, jws: CompactJws) -> _CachedToken:
        # The unverified `ver` only selects the key set. `iss` must then equal the issuer of this key set.
        version = jws.claims.get("ver")
        if not isinstance(version, str) or version not in self._keys:
            raise Problem("invalid_claims")
        key, issuer = await self._keys[version].get_key(jws.kid)
        if not _RS256.verify(jws.signing_input, key, jws.signature):
            raise Problem("bad_signature")
        if jws.claims.get("iss") != issuer:
            raise Problem("wrong_issuer")
        return _CachedToken(
            principal=Principal.from_claims(jws.claims, "bearer_token"),
            version=version,
            kid=jws.kid,
            key=key,
            not_before=_numeric_date(jws.claims.get("nbf", 1)),
            expires=_numeric_date(jws.claims.get("exp")),
        )


def _numeric_date(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        raise Problem("invalid_claims")
    return value
