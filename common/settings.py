"""Typed access to app settings.

    with Settings() as settings:
        tenant_id = settings.guid("ENTRA_TENANT_ID")

Leaving the block raises one `misconfigured` problem that names every missing or malformed setting, so that all of them
can be corrected at once. Messages never contain values, because a URL may contain a function key.
"""

import ipaddress
import os
import re
from typing import Self
from urllib.parse import urlsplit

from common.problems import Problem

PUBLIC_CLOUD_AUTHORITY = "https://login.microsoftonline.com"

DEFAULT_SCOPE_ERROR = (
    "must be <App ID URI>/.default, with an App ID URI of the API's registration. "
    "A single scope, such as user_impersonation, can be requested only on behalf of a user"
)
HTTPS_OR_LOOPBACK_ERROR = (
    "is not an https URL, or contains a user name or fragment. The http scheme is accepted only for loopback addresses"
)


class Settings:
    """The app's settings (environment variables).

    An empty setting is an error. It does not mean the default, because an emptied list of allowed callers must not
    admit everyone.
    """

    def __init__(self) -> None:
        self._errors: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._errors:
            detail = " ".join(f"{name} {error}." for name, error in self._errors.items())
            raise Problem("misconfigured", detail, settings=list(self._errors))

    def string(self, name: str, default: str | None = None) -> str:
        """Return the setting without surrounding white space. A setting without a default is required."""
        value = os.environ.get(name, default)
        if value is None:
            return self.add_error(name, "is not set")
        return value.strip() or self.add_error(name, "is empty: set a value or remove the setting")

    def guid(self, name: str) -> str:
        """Return a GUID in lower case, because Entra's tokens contain lowercase GUIDs."""
        value = self.string(name).lower()
        return value if is_guid(value) else self.add_error(name, "is not a GUID")

    def optional_guid(self, name: str) -> str | None:
        """Return a GUID in lower case, or None if the setting is absent."""
        return self.guid(name) if name in os.environ else None

    def scope(self, name: str) -> str:
        """Return `<resource>/.default`, the only form of scope that an application can request."""
        value = self.string(name)
        return value if is_default_scope(value) else self.add_error(name, DEFAULT_SCOPE_ERROR)

    def url(self, name: str, default: str | None = None) -> str:
        """Return an https URL, or an http URL on a loopback address, without user name and fragment."""
        value = self.string(name, default)
        return value if is_https_or_loopback(value) else self.add_error(name, HTTPS_OR_LOOPBACK_ERROR)

    def https_url(self, name: str, default: str | None = None) -> str:
        """Return an https URL. Rejects http URLs on loopback addresses too."""
        value = self.url(name, default)
        if value.startswith("http:"):
            self.add_error(name, "is not an https URL. azure-identity does not accept http")
        return value

    def number(self, name: str, default: float, *, maximum: float) -> float:
        """Return a number above 0 and at most `maximum`."""
        value = self.string(name, str(default))
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", value) and 0 < float(value) <= maximum:
            return float(value)
        self.add_error(name, f"is not a number above 0 and at most {maximum:.10g}")
        return default

    def string_list(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the strings in a comma-separated setting, or the default if the setting is absent."""
        if name not in os.environ:
            return default
        values = tuple(part.strip() for part in self.string(name).split(","))
        if not all(values):
            self.add_error(name, "is not a comma-separated list of names")
        return values

    def guid_list(self, name: str) -> tuple[str, ...]:
        """Return the GUIDs of a comma-separated setting in lower case, or an empty tuple if the setting is absent."""
        guids = tuple(guid.lower() for guid in self.string_list(name, ()))
        if not all(map(is_guid, guids)):
            self.add_error(name, "is not a comma-separated list of GUIDs")
        return guids

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return the setting, which must be one of `choices`. The first choice is the default."""
        value = self.string(name, choices[0])
        return value if value in choices else self.add_error(name, f"is not {' or '.join(choices)}")

    def role_assignments(self, name: str) -> dict[str, frozenset[str]]:
        """Return a map from app roles to object IDs, parsed from `<role>=<object ID>,<object ID>; <role>=...`."""
        assignments: dict[str, frozenset[str]] = {}
        for part in self.string(name).split(";") if name in os.environ else ():
            role, _, ids = (text.strip() for text in part.partition("="))
            object_ids = frozenset(object_id.strip().lower() for object_id in ids.split(","))
            if not re.fullmatch(r"[^\s,]+", role) or role in assignments or not all(map(is_guid, object_ids)):
                self.add_error(name, "must be <role>=<object ID>,<object ID>; <role>=<object ID>, with each role once")
            assignments[role] = object_ids
        return assignments

    def add_error(self, name: str, error: str) -> str:
        """Record an error of a setting and return "". Only the first error of each setting is reported."""
        self._errors.setdefault(name, error)
        return ""


def is_guid(value: str) -> bool:
    """Return whether `value` is a GUID in lower case with hyphens."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def is_default_scope(value: str) -> bool:
    """Return whether `value` is `<resource>/.default`, a scope that requests a token for `<resource>`."""
    return re.fullmatch(r"[^\s,]+/\.default", value) is not None


def is_https_or_loopback(value: str) -> bool:
    """Return whether `value` is a URL to which tokens may be sent: https, or http on a loopback address."""
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


def is_loopback(host: str) -> bool:
    """Return whether `host` is localhost or a loopback address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
