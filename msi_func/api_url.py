"""The URL of a request to an API: always of the API's origin and below the configured URL."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from common.settings import is_https_or_loopback


def join_url(url: str, path: str, params: Mapping[str, Any] | None) -> str:
    """Append `path` and `params` to the configured URL. Raises ValueError for a path that leaves it.

    A path that is a URL of the same origin replaces the configured one.
    """
    if is_same_origin(path, url):
        url, path = path, ""
    path, _, query = path.partition("?")
    if (path and not _is_below(path)) or not re.fullmatch(r"[!-~]*", query) or "#" in query:
        raise ValueError("path must begin with one slash and stay below the configured URL")
    parts = urlsplit(url)
    joined = parts.path.rstrip("/") + path if path else parts.path
    queries = (parts.query, query, urlencode(params or {}, doseq=True, safe="$"))
    return parts._replace(path=joined, query="&".join(filter(None, queries))).geturl()


def _is_below(path: str) -> bool:
    """Return whether the path stays below the one that it is appended to, however often the server decodes it."""
    decoded = path
    while (again := unquote(decoded)) != decoded:
        decoded = again
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path or re.search(r"^//|[\x00-\x1f\x7f\\\ufffd]", decoded):
        return False
    # Some servers remove what follows: "..;x" is ".." to them (RFC 3986 section 3.3).
    return not {".", ".."} & {re.split("[;?# ]", segment)[0] for segment in decoded.split("/")}


def is_same_origin(link: str, url: str) -> bool:
    """Return whether a link leads to the same origin, and is safe to send a token to."""
    return is_https_or_loopback(link) and urlsplit(link)[:2] == urlsplit(url)[:2]
