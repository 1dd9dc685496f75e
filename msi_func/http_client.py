"""HTTP requests with limits on time, size and attempts. Redirects are not followed."""

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
INITIAL_BACKOFF, MAX_BACKOFF = 0.2, 2.0  # seconds; the backoff doubles with each attempt and has full jitter
RETRY_STATUSES = frozenset({429, 502, 503, 504})
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110 section 9.2.2


@dataclass(frozen=True, slots=True)
class DownstreamResponse:
    """A complete response. Header names are case-insensitive, and `body` is decompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the decoded JSON body. Raises `downstream_invalid_response` if the body is not JSON."""
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise Problem("downstream_invalid_response", "The called API returned a response that is not JSON.")
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

    Idempotent methods are retried on connection errors and RETRY_STATUSES. Other methods are retried only if the
    request provably did not reach the server. `deadline`, a time of the event loop's clock, limits the whole call: name
    resolution, connection, proxy, TLS handshake, all attempts, and reading the body. Raises HttpError.
    """
    outcome: DownstreamResponse | HttpError
    outcome = HttpError("no complete response within the time limit", "downstream_timeout")
    with contextlib.suppress(TimeoutError):  # The result of an earlier attempt is more informative than the timeout.
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
    """Return the seconds to wait before another attempt, or infinity if the request must not be retried."""
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
    """Prevent aiohttp's own retries of idempotent requests, which would double the number of attempts."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _http_error(error) from None


def _http_error(error: Exception) -> HttpError:
    if type(error) is aiohttp.ClientConnectorError and isinstance(error.os_error, _ABORTED):
        return HttpError(FAILED_HANDSHAKE, is_sent=False)
    cause = error.__cause__
    if isinstance(cause, ContentEncodingError) or isinstance(getattr(cause, "__cause__", None), ContentEncodingError):
        return HttpError("the Content-Encoding cannot be decoded", "downstream_invalid_response")
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "the connection was closed early")
    return HttpError(reason, is_sent=not isinstance(error, _NOT_SENT))


# aiohttp raises these exceptions before it sends the request.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

# One of these errors while connecting means that the TCP connection exists, but the TLS handshake failed.
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
