"""The signing keys of a running tenant, fetched over HTTP."""

import time
from typing import Any

import jwt
import requests

from local_azure.serving.local_client import TIMEOUT, local_session, tenant_unreachable

MAX_AGE = 60  # seconds; a removed key can be accepted for this long


class JwksUnavailable(Exception):
    """The tenant's signing keys cannot be fetched."""


class JwksClient:
    """Fetches and caches the public keys for one token version. Safe to share between threads."""

    def __init__(self, origin: str, tenant_id: str, version: int) -> None:
        authority = f"{origin}/{tenant_id}" + ("/v2.0" if version == 2 else "")
        try:
            document = _fetch_json(f"{authority}/.well-known/openid-configuration")
            self.issuer, self._jwks_uri = document["issuer"], document["jwks_uri"]
        except (requests.RequestException, ValueError, KeyError, TypeError):
            raise tenant_unreachable(origin) from None
        self._keys: dict[str | None, Any] = {}
        self._expires = 0.0

    def find(self, kid: str) -> Any:
        """Return the public key with this `kid`, or None. Raises JwksUnavailable."""
        if kid not in self._keys or time.monotonic() >= self._expires:
            try:
                jwks = jwt.PyJWKSet.from_dict(_fetch_json(self._jwks_uri))
            except (requests.RequestException, ValueError, jwt.PyJWTError, AttributeError):
                raise JwksUnavailable from None
            self._keys = {key.key_id: key.key for key in jwks.keys}
            self._expires = time.monotonic() + MAX_AGE
        return self._keys.get(kid)


def _fetch_json(url: str) -> Any:
    with local_session() as session:
        response = session.get(url, timeout=TIMEOUT)
        response.raise_for_status()
        return response.json()
