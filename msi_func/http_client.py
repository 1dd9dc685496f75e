"""HTTP requests with limits on time, size and attempts, and without redirects."""

import asyncio
import contextlib
import json
import math
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from common.problems import Problem
from msi_func.http_session import HttpError, proxy_for, read_limited, session

MAX_ATTEMPTS = 4
INITIAL_BACKOFF, MAX_BACKOFF = 0.2, 2.0  # seconds, doubled with each attempt, with full jitter
RETRY_STATUSES = frozenset({429, 502, 503, 504})
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110 section 9.2.2


@dataclass(frozen=True, slots=True)
class DownstreamResponse:
    """A complete response. Header names are case-insensitive; `body` is decompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON. Raises `downstream_invalid_response` if it is anything else."""
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise Problem("downstream_invalid_response", "The called API returned something other than JSON.")
        try:
            return _JSON.decode(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Problem("downstream_invalid_response", "The called API returned invalid JSON.") from None


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_reject_constant)


async def send(
    method: str,
    url: str,
    *,
    deadline: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> DownstreamResponse:
    """Return the first non-retryable response, or the last one once retries are exhausted, whatever its status.

    Idempotent methods are retried on errors and RETRY_STATUSES, others only if the request provably did not reach the
    server. `deadline`, in seconds of the event loop's clock, bounds name resolution, connection, TLS, proxy, all
    attempts and the body together. Raises HttpError.
    """
    outcome: DownstreamResponse | HttpError
    outcome = HttpError("no complete response within the time limit", "downstream_timeout")
    with contextlib.suppress(TimeoutError):  # The outcome of an earlier attempt is more informative.
        async with asyncio.timeout_at(deadline):
            for attempt in range(max_attempts):
                outcome = await _attempt(method, url, headers, body, max_bytes)
                delay = _delay_before_retry(outcome, method, attempt)
                if attempt + 1 == max_attempts or asyncio.get_running_loop().time() + delay >= deadline:
                    break
                await asyncio.sleep(delay)
    if isinstance(outcome, HttpError):
        raise outcome
    return outcome


def _delay_before_retry(outcome: DownstreamResponse | HttpError, method: str, attempt: int) -> float:
    """Return the seconds to wait before another attempt, infinite if the outcome is final."""
    is_idempotent = method in IDEMPOTENT_METHODS
    if isinstance(outcome, HttpError):
        is_retryable = outcome.code == "downstream_unreachable" and (is_idempotent or not outcome.is_sent)
        retry_after = 0.0
    else:
        is_retryable = is_idempotent and outcome.status in RETRY_STATUSES
        retry_after = parse_retry_after(outcome.headers.get("Retry-After", ""))
    if not is_retryable:
        return math.inf
    return retry_after + random.uniform(0, min(MAX_BACKOFF, INITIAL_BACKOFF * 2**attempt))


async def _attempt(
    method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, max_bytes: int
) -> DownstreamResponse | HttpError:
    try:
        target = URL(url, encoded=True)
        async with session().request(
            method,
            target,
            headers=headers,
            data=body,
            proxy=proxy_for(target.origin()),
            allow_redirects=False,
            middlewares=(_without_retry,),
        ) as response:
            if response.status == 101:
                return HttpError("the server switched protocols", "downstream_invalid_response")
            return DownstreamResponse(response.status, response.headers, await read_limited(response, max_bytes))
    except HttpError as error:
        return error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _http_error(error)


async def _without_retry(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from retrying idempotent requests by itself, which would double our attempts."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _http_error(error) from None


def _http_error(error: Exception) -> HttpError:
    if type(error) is aiohttp.ClientConnectorError and isinstance(error.os_error, _ABORTED):
        return HttpError(FAILED_HANDSHAKE, is_sent=False)
    cause = error.__cause__
    if isinstance(cause, ContentEncodingError) or isinstance(getattr(cause, "__cause__", None), ContentEncodingError):
        return HttpError("its Content-Encoding cannot be decoded", "downstream_invalid_response")
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "the connection was closed early")
    return HttpError(reason, is_sent=not isinstance(error, _NOT_SENT))


# Raised while the connection is established, before the request is written.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

# Errors of an established connection, on which only the TLS handshake precedes the request.
_ABORTED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

UNTRUSTED_CERTIFICATE = "its TLS certificate is not trusted; SSL_CERT_FILE names the file with the trusted authorities"
FAILED_HANDSHAKE = "the TLS handshake failed"

_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((aiohttp.ClientConnectorDNSError, UnicodeError), "its host name cannot be resolved"),
    (aiohttp.ConnectionTimeoutError, "no connection within the time limit"),
    ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), "the proxy rejected the connection"),
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), UNTRUSTED_CERTIFICATE),
    ((aiohttp.ClientSSLError, ssl.SSLError), FAILED_HANDSHAKE),
    (aiohttp.ClientConnectorError, "the connection was refused"),
    (ValueError, "the URL is invalid"),
    (aiohttp.ClientResponseError, "the response is not valid HTTP"),
    (aiohttp.ClientPayloadError, "the body is incomplete"),
)


def parse_retry_after(value: str) -> float:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3), or 0 if it is malformed."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
