"""Authorization header -> verified claims of an Entra access token.

RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (best practice), and
https://learn.microsoft.com/entra/identity-platform/claims-validation.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aad_func.jws import CompactJws, parse
from aad_func.principal import Principal
from aad_func.signing_keys import SigningKeys
from common.bearer_token import token_in
from common.problems import Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

LEEWAY = 300  # seconds; what Microsoft's own libraries allow for clocks that differ
REMEMBERED_TOKENS = 1000
_MAX_TIME = 10**11  # seconds since 1970: beyond this, a number is not a time


@dataclass(frozen=True, slots=True)
class _Passed:
    """A token that was found good, and the key that its signature was checked with."""

    caller: Principal
    version: str
    kid: str
    key: "RSAPublicKey"
    not_before: float
    expires: float


class BearerTokens:
    """Verifies access tokens of one tenant.

    A managed identity presents one token for up to a day, so a token that was found good is remembered, by its SHA-256
    and never itself: checked for time on every use, forgotten when its key goes. What the gate makes of it, it decides
    each time. The oldest makes room for a new one. `clock` gives seconds since 1970.
    """

    def __init__(self, keys: Mapping[str, SigningKeys], *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._passed: OrderedDict[bytes, _Passed] = OrderedDict()

    async def caller(self, header: str | None) -> Principal:
        """Who calls with this Authorization header: signature, issuer and time are good, audience and rights are open.

        Raises a 401 problem, or `signing_keys_unavailable` where the tenant cannot be asked.
        """
        token = token_in(header)
        digest = hashlib.sha256(token.encode()).digest()
        passed = self._passed.get(digest)
        if passed is not None and self._keys[passed.version].known(passed.kid) is passed.key:
            self._check_time(passed)
            return passed.caller
        passed = await self._verify(parse(token))
        self._check_time(passed)
        self._passed[digest] = passed
        if len(self._passed) > REMEMBERED_TOKENS:
            self._passed.popitem(last=False)
        return passed.caller

    def _check_time(self, token: _Passed) -> None:
        now = self._clock()
        if now >= token.expires + LEEWAY:
            raise Problem("token_expired")
        if now < token.not_before - LEEWAY:
            raise Problem("token_not_yet_valid")

    async def _verify(self, jws: CompactJws) -> _Passed:
        from jwt.algorithms import RSAAlgorithm

        # The only say that the unverified token has: which of our two sets of keys. `iss` must then be that set's.
        version = jws.claims.get("ver")
        if not isinstance(version, str) or version not in self._keys:
            raise Problem("invalid_claims")
        key, issuer = await self._keys[version].find(jws.kid)
        if not RSAAlgorithm(RSAAlgorithm.SHA256).verify(jws.signed, key, jws.signature):
            raise Problem("bad_signature")
        if jws.claims.get("iss") != issuer:
            raise Problem("wrong_issuer")
        return _Passed(
            caller=Principal.from_claims(jws.claims, "bearer_token"),
            version=version,
            kid=jws.kid,
            key=key,
            not_before=_time(jws.claims.get("nbf", 1)),
            expires=_time(jws.claims.get("exp")),
        )


def _time(value: Any) -> float:
    # Comparing before converting: an integer may be too long for a float, and NaN is in no range.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MAX_TIME:
        raise Problem("invalid_claims")
    return float(value)
