"""Fetching and validation of a tenant's OpenID Connect metadata and JWKS.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (metadata), RFC 7517 (JWKS)
https://learn.microsoft.com/entra/identity-platform/access-tokens (keys contain no `alg`; v2 keys contain an `issuer`)
"""

import asyncio
import json
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from common.settings import is_https_or_loopback, is_loopback

MAX_BYTES = 512 * 1024
MIN_KEY_BITS = 2048  # RFC 7518 section 3.3

# Maps each token version to the path of the metadata document below the tenant's URL, and the path of the issuer.
_DOCUMENTS = {
    "1.0": ("/.well-known/openid-configuration", "/{tenant_id}/"),
    "2.0": ("/v2.0/.well-known/openid-configuration", "/{tenant_id}/v2.0"),
}

# The origin of v1 issuers, and the exceptions by authority.
_V1_ORIGIN = "https://sts.windows.net"
_V1_ORIGINS = {"https://login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn"}


class MetadataError(Exception):
    """The tenant's metadata is unavailable or invalid. The message is the reason and never quotes a response."""


class TenantNotFoundError(MetadataError):
    """The tenant does not exist at the authority. The message names the settings to correct."""


@dataclass(frozen=True, slots=True)
class OpenIdMetadata:
    """The metadata for one token version of one tenant."""

    authority: str
    tenant_id: str
    version: str

    @property
    def url(self) -> str:
        """The URL of the metadata document."""
        return f"{self.authority.rstrip('/')}/{self.tenant_id}{_DOCUMENTS[self.version][0]}"

    async def fetch(self, seconds: float) -> tuple[str, dict[str, RSAPublicKey]]:
        """Return the issuer and a non-empty map from `kid` to key, within `seconds`. Raises `MetadataError`."""
        deadline = time.monotonic() + seconds
        future: Future[tuple[str, dict[str, RSAPublicKey]]] = Future()
        future.set_running_or_notify_cancel()  # A timeout cannot cancel a running future.

        def run() -> None:
            try:
                future.set_result(self._fetch(deadline))
            except Exception as error:
                future.set_exception(error)

        # `requests` limits the time of each read, not of the whole response. In a daemon thread, an endless response
        # blocks neither a thread pool nor the exit of the process.
        threading.Thread(target=run, name="signing-keys", daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise MetadataError("no complete response within the time limit") from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Only the type of the wrapped error is reported, because its message could quote the response.
            cause = getattr(error.args[0] if error.args else None, "reason", None) or error
            raise MetadataError(f"the request failed with {type(cause).__name__}") from None

    def _fetch(self, deadline: float) -> tuple[str, dict[str, RSAPublicKey]]:
        document = _get_json(self.url, deadline)
        issuer, jwks_uri = document.get("issuer"), document.get("jwks_uri")
        # Only the path is compared: the host of v1 issuers, such as sts.windows.net, differs from the authority's.
        path = _DOCUMENTS[self.version][1].format(tenant_id=self.tenant_id)
        if not isinstance(issuer, str) or not is_https_or_loopback(issuer) or urlsplit(issuer).path != path:
            raise MetadataError("the document's issuer does not name the configured tenant")
        host = urlsplit(self.authority).hostname
        if not isinstance(jwks_uri, str) or not is_https_or_loopback(jwks_uri) or urlsplit(jwks_uri).hostname != host:
            raise MetadataError("the document's jwks_uri is not on the authority's host")
        members = _get_json(jwks_uri, deadline).get("keys")
        if not isinstance(members, list):
            raise MetadataError("the JWKS contains no list of keys")
        keys = {jwk["kid"]: key for jwk in members if (key := self._key(jwk, issuer))}
        if not keys:
            raise MetadataError("the JWKS contains no usable key")
        return issuer, keys

    def _key(self, jwk: Any, issuer: str) -> RSAPublicKey | None:
        """Return the public key in one entry of the JWKS, or None if the entry is unusable."""
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
            return None
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
            return None
        if jwk.get("alg", "RS256") != "RS256" or "d" in jwk:  # Anyone can sign with a published private key.
            return None
        if str(jwk.get("issuer", issuer)).replace("{tenantid}", self.tenant_id) not in self._key_issuers(issuer):
            return None
        try:
            key = cast("RSAPublicKey", RSAAlgorithm.from_jwk({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}))
        except (InvalidKeyError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return key if key.key_size >= MIN_KEY_BITS else None

    def _key_issuers(self, issuer: str) -> set[str]:
        """Return the accepted values of a key's `issuer`: this tenant's v1 and v2 issuers.

        As in Microsoft.IdentityModel, v1 tokens can be signed with a key that has the v2 issuer.
        """
        authority = self.authority.rstrip("/")
        origins = (issuer.partition(f"/{self.tenant_id}")[0], authority, _V1_ORIGINS.get(authority, _V1_ORIGIN))
        return {origin + path.format(tenant_id=self.tenant_id) for origin in origins for _, path in _DOCUMENTS.values()}


def _get_json(url: str, deadline: float) -> dict[str, Any]:
    """Return the JSON object at `url`. Raises `MetadataError` or an exception of requests or urllib3."""
    host = urlsplit(url).hostname or ""
    with requests.get(
        url,
        headers={"Accept-Encoding": "identity"},
        auth=lambda request: request,  # Otherwise requests adds credentials from .netrc.
        timeout=max(deadline - time.monotonic(), 0.001),
        allow_redirects=False,
        stream=True,
        proxies={"no_proxy": host} if is_loopback(host) else None,
        hooks={"response": _check_status},  # The hook runs before requests reads the whole body of a redirect.
    ) as response:
        body = b""
        # read1 returns the data that has arrived instead of waiting for more, so a slow response ends at the deadline.
        while len(body) <= MAX_BYTES and (chunk := response.raw.read1(MAX_BYTES, decode_content=False)):
            body += chunk
            if time.monotonic() > deadline:
                raise TimeoutError
    if len(body) > MAX_BYTES:
        raise MetadataError(f"the response is larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MetadataError("the response is not JSON") from None
    if not isinstance(document, dict):
        raise MetadataError("the response is not a JSON object")
    return document


def _check_status(response: requests.Response, **_: Any) -> None:
    if response.status_code == 200:
        return
    response.close()
    reason = f"status {response.status_code}"
    if response.status_code in (400, 404) and response.url.endswith("/.well-known/openid-configuration"):
        reason += ", the tenant was not found at this authority (ENTRA_TENANT_ID, ENTRA_AUTHORITY)"
        raise TenantNotFoundError(reason)
    raise MetadataError(f"{reason} instead of 200")
