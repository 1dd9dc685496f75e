"""Reading settings, with errors that name them.

    with Settings() as settings:
        tenant = settings.guid("ENTRA_TENANT_ID")
        authority = settings.url("ENTRA_AUTHORITY", "https://login.microsoftonline.com")

Leaving the block raises one `misconfigured` problem that names every setting that is missing or malformed, so that
a person fixes them all at once. Values are never part of a message: a URL may hold a function key.
"""

import functools
import ipaddress
import os
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from common.problems import Problem

PUBLIC_CLOUD = "https://login.microsoftonline.com"

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Settings:
    """The app's settings (environment variables).

    A setting that is there but empty is a fault, never its default: an emptied list of callers must not let all in.
    """

    def __init__(self) -> None:
        self._faults: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._faults:
            detail = " ".join(f"{name} {fault}." for name, fault in self._faults.items())
            raise Problem("misconfigured", detail, settings=list(self._faults))

    def text(self, name: str, default: str | None = None) -> str:
        """The setting without surrounding white space. Without a default it is required."""
        value = os.environ.get(name, default)
        if value is None:
            return self.fault(name, "is not set")
        return value.strip() or self.fault(name, "is empty: give it a value or remove it")

    def guid(self, name: str, default: str | None = None) -> str:
        """A GUID in lower case, as Entra writes it into tokens."""
        value = self.text(name, default).lower()
        return value if is_guid(value) else self.fault(name, "is not a GUID")

    def optional_guid(self, name: str) -> str | None:
        """The same; None where the setting is not there."""
        return self.guid(name) if name in os.environ else None

    def scope(self, name: str) -> str:
        """`<resource>/.default`, the only form in which an application can ask for a token."""
        value = self.text(name)
        return value if is_default_scope(value) else self.fault(name, DEFAULT_SCOPE)

    def url(self, name: str, default: str | None = None) -> str:
        """An https URL, or an http URL on a loopback address, without user information or fragment."""
        value = self.text(name, default)
        return value if is_safe_url(value) else self.fault(name, SAFE_URL)

    def https_url(self, name: str, default: str | None = None) -> str:
        """The same for those that take https only, on a loopback address too."""
        value = self.url(name, default)
        return value if not value.startswith("http:") else self.fault(name, ONLY_HTTPS)

    def seconds(self, name: str, default: float, *, most: float) -> float:
        """A number of seconds above 0 and up to `most`."""
        value = self.text(name, str(default))
        if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value) and 0 < float(value) <= most:
            return float(value)
        self.fault(name, f"is not a number of seconds above 0 and up to {most:g}")
        return default

    def names(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A comma-separated list of one or more names; the default where the setting is not there."""
        if name not in os.environ:
            return default
        names = tuple(part.strip() for part in self.text(name).split(","))
        if not all(names):
            self.fault(name, "is not a comma-separated list of names")
        return names

    def guids(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of GUIDs, in lower case; empty where the setting is not there."""
        guids = tuple(guid.lower() for guid in self.names(name, ()))
        if not all(map(is_guid, guids)):
            self.fault(name, "is not a comma-separated list of GUIDs")
        return guids

    def fault(self, name: str, what: str) -> str:
        """Note that something is wrong with the setting; the first fault of each is kept."""
        self._faults.setdefault(name, what)
        return ""


DEFAULT_SCOPE = (
    "is not <resource>/.default: write the API's App ID URI followed by /.default, such as api://<client id>/.default "
    "(one scope of it, such as user_impersonation, can be asked for by users only)"
)
ONLY_HTTPS = "is not an https URL (azure-identity signs in over nothing else)"
SAFE_URL = "is not an https URL (http only on a loopback address, no user name, no fragment)"


def is_guid(value: str) -> bool:
    """A GUID in lower case with hyphens."""
    return _GUID.fullmatch(value) is not None


def is_default_scope(value: str) -> bool:
    """A managed identity sends all that stands before /.default as the resource, and anything else unchanged."""
    return re.fullmatch(r"[^\s,]+/\.default", value) is not None


def is_safe_url(value: str) -> bool:
    """May a token be sent there, or be judged by what comes from there? https, or http on a loopback address."""
    if not value.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", value):
        return False
    try:
        url = urlsplit(value)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    if not host or "@" in url.netloc or "#" in value:
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(host))


@functools.lru_cache(64)
def is_loopback(host: str) -> bool:
    """This machine: localhost, or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
