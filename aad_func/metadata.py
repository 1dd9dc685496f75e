"""A tenant's OpenID Connect metadata and JWKS: fetched, and believed only as far as they speak for that tenant.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (documents),
https://learn.microsoft.com/entra/identity-platform/access-tokens (keys have no `alg`, v2 keys carry `issuer`),
RFC 7517.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from common.settings import is_https_or_loopback

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_BYTES = 512 * 1024
MIN_KEY_BITS = 2048  # RFC 7518 section 3.3

# By token version: where the document is below the tenant, and which path its issuer must have.
_DOCUMENTS = {
    "1.0": ("/.well-known/openid-configuration", "/{tenant_id}/"),
    "2.0": ("/v2.0/.well-known/openid-configuration", "/{tenant_id}/v2.0"),
}


class MetadataError(Exception):
    """The tenant's metadata cannot be had, or is not to be believed. The message says why and quotes none of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the keys for one token version of one tenant come from."""

    authority: str
    tenant_id: str
    version: str

    @property
    def where(self) -> str:
        """The metadata document's URL."""
        return f"{self.authority.rstrip('/')}/{self.tenant_id}{_DOCUMENTS[self.version][0]}"

    def fetch(self, seconds: float) -> tuple[str, dict[str, "RSAPublicKey"]]:
        """The issuer and its keys by `kid`, one at least, within `seconds`. Raises `MetadataError`."""
        from common import http

        deadline = time.monotonic() + seconds
        with http.session() as session:
            document = _get(session, self.where, deadline)
            issuer, jwks_uri = self._issuer(document), self._jwks_uri(document)
            keys = _get(session, jwks_uri, deadline).get("keys")
        if not isinstance(keys, list):
            raise MetadataError("the key document has no list of keys")
        usable = dict(key for key in (self._key(jwk, issuer) for jwk in keys) if key)
        if not usable:
            raise MetadataError("the key document holds no usable key")
        return issuer, usable

    def _issuer(self, document: Mapping[str, Any]) -> str:
        issuer = document.get("issuer")
        # v1 issuers live on another host than the authority (sts.windows.net), so it is the path that must be right.
        path = _DOCUMENTS[self.version][1].format(tenant_id=self.tenant_id)
        if not isinstance(issuer, str) or not is_https_or_loopback(issuer) or urlsplit(issuer).path != path:
            raise MetadataError("the document's issuer does not name the configured tenant")
        return issuer

    def _jwks_uri(self, document: Mapping[str, Any]) -> str:
        uri = document.get("jwks_uri")
        if not isinstance(uri, str) or not is_https_or_loopback(uri) or _host(uri) != _host(self.authority):
            raise MetadataError("the document's jwks_uri is not on the authority's host")
        return uri

    def _key(self, jwk: Any, issuer: str) -> tuple[str, "RSAPublicKey"] | None:
        """One member of the JWKS, or None where it is not a key that we could use: it spoils only itself."""
        from jwt.algorithms import RSAAlgorithm
        from jwt.exceptions import InvalidKeyError

        if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
            return None
        if jwk.get("alg", "RS256") != "RS256" or jwk.get("key_ops", ["verify"]) != ["verify"]:
            return None
        # A private half that is published is everybody's: what it signs proves nothing.
        if "d" in jwk or not isinstance(jwk.get("kid"), str):
            return None
        meant_for = jwk.get("issuer", issuer)
        if not isinstance(meant_for, str) or meant_for.replace("{tenantid}", self.tenant_id) != issuer:
            return None
        try:
            # Only the two members that make a public key, whatever else is there.
            key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
        except (InvalidKeyError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return (jwk["kid"], cast("RSAPublicKey", key)) if key.key_size >= MIN_KEY_BITS else None


def _get(session: Any, url: str, deadline: float) -> dict[str, Any]:
    from common import http

    try:
        answer = http.get(session, url, seconds=deadline - time.monotonic(), max_bytes=MAX_BYTES)
    except http.HttpError as error:
        raise MetadataError(str(error)) from None
    if answer.status != 200:
        raise MetadataError(f"status {answer.status} instead of 200")
    try:
        document = json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MetadataError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise MetadataError("the answer is not a JSON object")
    return document


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
