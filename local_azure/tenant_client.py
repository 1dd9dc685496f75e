"""The running tenant as its clients on this machine see it: documents, keys, control plane."""

import time
from typing import Any

import jwt
import requests

from local_azure.server import StartError

SECONDS = 10
KEYS_KEPT = 60  # seconds; short, so that a key that is withdrawn is soon missed


def session() -> requests.Session:
    """For calls to this machine: past any proxy, without credentials from .netrc."""
    new = requests.Session()
    new.trust_env = False
    return new


def absent(origin: str) -> StartError:
    """That there is no tenant, and what to do about it."""
    return StartError(
        f"No local tenant answers at {origin}: start one with python -m local_azure serve, or say where with --url."
    )


class KeysUnavailable(Exception):
    """The tenant does not answer with keys."""


class TenantKeys:
    """The tenant's keys for one token version, from its metadata. Safe to share between threads."""

    def __init__(self, origin: str, tenant_id: str, version: int) -> None:
        authority = f"{origin}/{tenant_id}" + ("/v2.0" if version == 2 else "")
        try:
            document = _json(f"{authority}/.well-known/openid-configuration")
            self.issuer, self._jwks_uri = document["issuer"], document["jwks_uri"]
        except (requests.RequestException, ValueError, KeyError, TypeError):
            raise absent(origin) from None
        self._keys: dict[str | None, Any] = {}
        self._until = 0.0

    def find(self, kid: str) -> Any:
        """The public key with this `kid`, None where there is none. Raises KeysUnavailable."""
        if kid not in self._keys or time.monotonic() >= self._until:
            try:
                found = jwt.PyJWKSet.from_dict(_json(self._jwks_uri))
            except (requests.RequestException, ValueError, jwt.PyJWTError, AttributeError):
                raise KeysUnavailable from None
            self._keys = {key.key_id: key.key for key in found.keys}
            self._until = time.monotonic() + KEYS_KEPT
        return self._keys.get(kid)


def _json(url: str) -> Any:
    with session() as through:
        answer = through.get(url, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()
