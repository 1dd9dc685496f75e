"""HTTP requests with limits on time, size and attempts: no redirects, no cookies, no .netrc, one aiohttp session."""

import asyncio
import contextlib
import functools
import ipaddress
import random
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from yarl import URL

from common.problems import PROBLEM_TYPES, Problem
from common.process_wide import process_wide
from msi_func.log_redaction import redact_logs

# Per process and host. App Service reserves 128 SNAT ports per instance and grants more while the pool lasts:
# https://learn.microsoft.com/azure/app-service/troubleshoot-intermittent-outbound-connection-errors
MAX_CONNECTIONS = 256
CONNECT_TIMEOUT = 4  # seconds for TCP and TLS, so that a dropped SYN leaves time for another attempt
MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024

MAX_ATTEMPTS = 4
INITIAL_BACKOFF, MAX_BACKOFF = 0.2, 2.0  # seconds, doubled with each attempt, with full jitter
RETRY_STATUSES = frozenset({429, 502, 503, 504})
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110 section 9.2.2


class HttpError(Problem):
    """There is no response. `reason` says why in fixed words and quotes nothing sent or received.

    `is_sent` is False if the request provably did not reach the server.
    """

    def __init__(self, reason: str, code: str = "downstream_unreachable", *, is_sent: bool = True) -> None:
        self.reason = reason
        self.is_sent = is_sent
        super().__init__(code, f"{PROBLEM_TYPES[code].description.rstrip('.')}: {reason}.")


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response. Header names are case-insensitive; `body` is decompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


async def send(
    method: str,
    url: str,
    *,
    deadline: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> Response:
    """Return the first non-retryable response, or the last one once retries are exhausted, whatever its status.

    Idempotent methods are retried on errors and RETRY_STATUSES, others only if the request provably did not reach the
    server. `deadline`, in seconds of the event loop's clock, bounds name resolution, connection, TLS, proxy, all
    attempts and the body together. Raises HttpError.
    """
    is_idempotent = method in IDEMPOTENT_METHODS
    clock = asyncio.get_running_loop().time
    response: Response | None = None
    error: HttpError | None = None
    try:
        async with asyncio.timeout_at(deadline):
            for attempt in range(1, max_attempts + 1):
                retry_after = 0.0
                try:
                    response = await _attempt(method, url, headers, body, max_bytes)
                    if not is_idempotent or response.status not in RETRY_STATUSES:
                        break
                    retry_after = parse_retry_after(response.headers.get("Retry-After", ""))
                except HttpError as failure:
                    error = failure
                    if failure.code != "downstream_unreachable" or (failure.is_sent and not is_idempotent):
                        break
                delay = retry_after + random.uniform(0, min(MAX_BACKOFF, INITIAL_BACKOFF * 2 ** (attempt - 1)))
                if attempt == max_attempts or clock() + delay >= deadline:
                    break
                await asyncio.sleep(delay)
    except TimeoutError:
        error = error or HttpError("no complete response within the time limit", "downstream_timeout")
    # An earlier response says more than the failure of a later attempt.
    if response is None:
        raise error or HttpError("no attempt was made")
    return response


async def _attempt(
    method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, max_bytes: int
) -> Response:
    try:
        async with session().request(
            method, URL(url, encoded=True), headers=headers, data=body, proxy=proxy_for(url), allow_redirects=False
        ) as response:
            if response.status == 101:
                raise HttpError("the server switched protocols", "downstream_invalid_response")
            return Response(response.status, response.headers, await _read(response, max_bytes))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HttpError(_reason(error), is_sent=not isinstance(error, _NOT_SENT)) from None


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise HttpError(f"the response is larger than {max_bytes} bytes", "downstream_invalid_response")
    return bytes(body)


def parse_retry_after(value: str) -> float:
    """Return the seconds of a Retry-After header, given as seconds or as a date (RFC 9110 section 10.2.3).

    Return 0 if the value is malformed.
    """
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


# Before a request is written, the connection has to be established.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "its host name cannot be resolved"),
    (aiohttp.ConnectionTimeoutError, "no connection within the time limit"),
    ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), "the proxy rejected the connection"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "its TLS certificate or handshake was not accepted"),
    (aiohttp.ClientConnectorError, "the connection was refused"),
    (aiohttp.InvalidURL, "the URL is invalid"),
    (aiohttp.ClientResponseError, "the response is not valid HTTP"),
)


def _reason(error: Exception) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "the connection was closed early")


@process_wide
def session() -> aiohttp.ClientSession:
    """Return the session of this process. It reads neither .netrc nor proxies from the environment."""
    redact_logs()
    return aiohttp.ClientSession(
        # SSL_CERT_FILE adds to the trusted roots, as usual with OpenSSL.
        connector=_Connector(limit=0, limit_per_host=MAX_CONNECTIONS, ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_LimitedResponse,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
    )


class _Connector(aiohttp.TCPConnector):
    async def connect(self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        """Return a connection on which nothing has arrived that would be taken for the response to this request."""
        for _ in range(MAX_CONNECTIONS):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ServerDisconnectedError


class _LimitedResponse(aiohttp.ClientResponse):
    async def read(self) -> bytes:
        """Return the body for azure-identity, which reads it whole."""
        return await _read(self, MAX_TOKEN_RESPONSE_BYTES)


class IdentityTransport(AioHttpTransport):  # type: ignore[misc]
    """azure-identity's requests, on this session and so within its limits."""

    def __init__(self) -> None:
        super().__init__(session=session(), session_owner=False)

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request of azure-core."""
        return await super().send(request, **{**options, "proxy": proxy_for(request.url)})


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for this URL: never one for this machine or its identity endpoint.

    Raises HttpError if the proxy is not an HTTP proxy.
    """
    parts = urlsplit(url)
    proxy = _environment_proxy(parts.scheme, parts.hostname or "", parts.netloc)
    if proxy and not proxy.lower().startswith(("http://", "https://")):
        raise HttpError("the environment names a proxy that is neither http nor https", is_sent=False)
    return proxy


@functools.lru_cache(64)
def _environment_proxy(scheme: str, host: str, netloc: str) -> str | None:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback or address.is_link_local:
            return None
    proxies = urllib.request.getproxies()
    return None if urllib.request.proxy_bypass(netloc) else proxies.get(scheme) or proxies.get("all")
