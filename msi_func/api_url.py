"""Construction of request URLs, which always have the API's origin."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from common.settings import is_https_or_loopback


def join_url(url: str, path: str, params: Mapping[str, Any] | None) -> str:
    """Append `path` and `params` to `url`. Raises ValueError if `path` is invalid or the result is not below `url`.

    If `path` is itself a URL of the same origin, it replaces `url`.
    """
    if is_same_origin(path, url):
        url, path = path, ""
    path, _, query = path.partition("?")
    if (path and not _is_below(path)) or not re.fullmatch(r"[!-~]*", query) or "#" in query:
        raise ValueError("path must begin with one slash, be URL-encoded, and stay below the configured URL")
    parts = urlsplit(url)
    joined = parts.path.rstrip("/") + path if path else parts.path
    queries = (parts.query, query, urlencode(params or {}, doseq=True, safe="$"))
    return parts._replace(path=joined, query="&".join(filter(None, queries))).geturl()


def _is_below(path: str) -> bool:
    """Return whether the appended `path` stays below the configured URL, even if the server decodes it repeatedly."""
    decoded = path
    while (again := unquote(decoded)) != decoded:
        decoded = again
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path or re.search(r"^//|[\x00-\x1f\x7f\\\ufffd]", decoded):
        return False
    # Some servers remove parameters from a segment, so "..;x" becomes ".." (RFC 3986 section 3.3).
    return not {".", ".."} & {re.split("[;?# ]", segment)[0] for segment in decoded.split("/")}


def is_same_origin(link: str, url: str) -> bool:
    """Return whether `link` has the origin of `url` and may receive a token (https or loopback)."""
    return is_https_or_loopback(link) and urlsplit(link)[:2] == urlsplit(url)[:2]
