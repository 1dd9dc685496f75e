"""The aiohttp session for all requests, without cookies and .netrc, and with explicit proxies and size limits."""

import contextlib
import functools
import ipaddress
import ssl
import urllib.request
from typing import Any, ClassVar
from weakref import WeakSet

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from urllib3.util import wait_for_read
from yarl import URL

from common.problems import PROBLEM_TYPES, Problem
from common.process_wide import process_wide
from msi_func.log_redaction import redact_logs

# Per process and host. App Service reserves 128 SNAT ports per instance and adds ports while the pool has free ones:
# https://learn.microsoft.com/azure/app-service/troubleshoot-intermittent-outbound-connection-errors
MAX_CONNECTIONS = 256
CONNECT_TIMEOUT = 4  # seconds for TCP and TLS, so that a dropped SYN leaves time for another attempt
MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024


class HttpError(Problem):
    """There is no usable response. `reason` is a fixed text that contains no data from the request or the response.

    `is_sent` is False if the request provably did not reach the server.
    """

    def __init__(self, reason: str, code: str = "downstream_unreachable", *, is_sent: bool = True) -> None:
        self.reason = reason
        self.is_sent = is_sent
        super().__init__(code, f"{PROBLEM_TYPES[code].description.rstrip('.')}: {reason}.")


@process_wide
def session() -> aiohttp.ClientSession:
    """Return this process's session, which reads neither .netrc nor the environment's proxies."""
    redact_logs()
    return aiohttp.ClientSession(
        # create_default_context reads SSL_CERT_FILE, which replaces OpenSSL's default CA file.
        connector=_Connector(limit=0, limit_per_host=MAX_CONNECTIONS, ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_LimitedResponse,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
    )


class _Connector(aiohttp.TCPConnector):
    _used: ClassVar[WeakSet[Any]] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Any:
        """Return a connection without unread data, because such data would be taken for the next response."""
        while True:
            connection: Any = await super().connect(*args, **options)
            if connection.protocol not in self._used:
                self._used.add(connection.protocol)
                return connection
            # The socket is checked too, because the event loop may not have read the data yet.
            is_unread = wait_for_read(connection.transport.get_extra_info("socket"), 0)
            if not is_unread and not connection.protocol.should_close:
                return connection
            connection.close()


async def read_limited(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return the decompressed body. Raises HttpError if it is larger than `max_bytes`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise HttpError(f"the response is larger than {max_bytes} bytes", "downstream_invalid_response")
    return bytes(body)


class _LimitedResponse(aiohttp.ClientResponse):
    async def read(self) -> bytes:
        """Return the body. azure-identity calls this method."""
        return await read_limited(self, MAX_TOKEN_RESPONSE_BYTES)


class IdentityTransport(AioHttpTransport):  # type: ignore[misc]
    """Sends azure-identity's requests with this process's session and its limits.

    `timeouts` are azure-core's `connection_timeout` and `read_timeout`, in seconds.
    """

    def __init__(self, **timeouts: float) -> None:
        super().__init__(session=session(), session_owner=False, **timeouts)

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request from azure-core, with the proxy that `proxy_for` selects."""
        return await super().send(request, **{**options, "proxy": proxy_for(URL(request.url).origin())})


@functools.lru_cache(64)
def proxy_for(origin: URL) -> str | None:
    """Return the proxy that the environment sets for this origin, or None.

    Loopback and link-local addresses never use a proxy. Raises HttpError if the proxy's scheme is not http or https.
    """
    host = origin.host or ""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback or address.is_link_local:
            return None
    if urllib.request.proxy_bypass(origin.authority):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if proxy and not proxy.lower().startswith(("http://", "https://")):
        raise HttpError("the environment names a proxy that is neither http nor https", is_sent=False)
    return proxy
