"""One careful HTTP request over `requests`: bounded in time and size, adding nothing and keeping nothing.

`requests` bounds each read, not the whole answer, and each address of a host, not connecting: a server that sends a
byte now and then holds a caller for as long as it likes. Here the time allowed covers connecting, headers and body
together, a tunnel through a proxy too. Looking up a host name is the operating system's and is not covered.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from common.deadline import DeadlineAdapter, Until
from common.settings import is_loopback

_CHUNK = 64 * 1024


class HttpError(Exception):
    """There is no answer. The message says why and holds nothing that was sent or received."""


class Unreachable(HttpError):
    """No connection, or it broke before the answer was complete."""


class TooSlow(HttpError):
    """The answer was not complete in the time allowed."""


class TooLarge(HttpError):
    """The answer is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. Header names match without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def session(connections: int = 4) -> requests.Session:
    """A session with keep-alive for `connections` at a time per host, to be shared by threads.

    Nothing slips in: no credentials from .netrc, no cookies kept between calls. Proxies and CA bundles named by the
    environment (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE) go on working.
    """
    new = _Session()
    new.auth = _NoAuth()  # requests puts .netrc credentials in place of an Authorization header unless there is one
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    new.headers.clear()
    for scheme in ("http://", "https://"):
        new.mount(scheme, DeadlineAdapter(pool_connections=4, pool_maxsize=connections))
    return new


def get(
    through: requests.Session, url: str, *, seconds: float, max_bytes: int, headers: Mapping[str, str] | None = None
) -> Answer:
    """GET `url`: see `send`."""
    return send(through, "GET", url, seconds=seconds, max_bytes=max_bytes, headers=headers)


def send(
    through: requests.Session,
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request, within `seconds` in all and up to `max_bytes`; no redirect is followed, no retry made.

    Raises Unreachable, TooSlow or TooLarge. A status of 400 or more is an answer like any other.
    """
    # No compression: a small answer must not become a large one.
    sent = {"Accept-Encoding": "identity", **(headers or {})}
    limit = Until(seconds)
    host = urlsplit(url).hostname or ""
    try:
        with through.request(
            method,
            url,
            headers=sent,
            data=body,
            timeout=limit,  # type: ignore[arg-type]
            allow_redirects=False,
            stream=True,
            # What is meant for this machine is no proxy's business.
            proxies={"no_proxy": host} if is_loopback(host) else None,
        ) as response:
            received = bytearray()
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                received += chunk
                if len(received) > max_bytes:
                    raise TooLarge(f"the answer is larger than {max_bytes} bytes")
            return Answer(response.status_code, response.headers, bytes(received))
    except requests.ConnectTimeout:
        raise Unreachable(f"nobody took the connection within {max(seconds, 0):.3g} s") from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise TooSlow(f"no complete answer within {max(seconds, 0):.3g} s") from None
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
        OSError,
        ValueError,
    ) as e:
        raise Unreachable(_reason(e)) from None


_REASONS = (
    (urllib3.exceptions.NameResolutionError, "its host name cannot be resolved"),
    (urllib3.exceptions.SSLError, "its TLS certificate or handshake was not accepted"),
    (urllib3.exceptions.ProxyError, "the proxy did not let it through"),
    (urllib3.exceptions.NewConnectionError, "the connection was refused"),
    (requests.exceptions.InvalidProxyURL, "the environment names a proxy that is neither http nor https"),
    ((urllib3.exceptions.LocationValueError, requests.exceptions.InvalidURL), "its URL is none"),
    (ValueError, "what it said is not HTTP"),
)


def _reason(error: BaseException) -> str:
    """In fixed words, why there is no answer: the first known error among `error` and what it wraps."""
    seen: list[BaseException] = []
    while isinstance(error, BaseException) and error not in seen:
        seen.append(error)
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = inner if isinstance(inner, BaseException) else error
    for one in seen:
        for kind, reason in _REASONS:
            if isinstance(one, kind):
                return reason
    return "the connection broke off"


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: `requests` would read and unpack a redirect's whole body, also when it is not to be followed."""


class _NoAuth(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
