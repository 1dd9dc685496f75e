"""What the doctor knows: its probes, this machine's settings, and a new token if this machine can request one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from common.settings import is_https_or_loopback, is_loopback
from tools.fresh_token import FreshToken
from tools.probe import ProbeResult

_SETTINGS = ("AAD_FUNC_", "MSI_FUNC_", "ENTRA_", "IDENTITY_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Probes are None if they were not sent. `settings` are empty unless they belong to the probed apps."""

    call: ProbeResult  # msi-func, as its callers call it
    without_token: ProbeResult | None = None  # msi-func, which calls aad-func without a token
    direct: ProbeResult | None = None  # aad-func without credentials
    forged_principal: ProbeResult | None = None
    forged_token: ProbeResult | None = None
    fresh: FreshToken | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    aad_url: str = ""  # given, or from the settings
    has_key: bool = False  # a function key was sent to msi-func
    is_client_id_known: bool | None = None  # Entra issues tokens for AAD_FUNC_CLIENT_ID; None if undetermined

    @property
    def msi_url(self) -> str:
        """The URL of msi-func, without its query."""
        return urlsplit(self.call.url)._replace(query="").geturl()

    @property
    def is_aad_reached(self) -> bool:
        """Whether aad-func's code or Easy Auth in front of it responded directly."""
        return self.direct is not None and self.direct.status == 401

    @property
    def reaches_aad_code(self) -> bool:
        """Whether AAD_FUNC_URL leads to aad-func's code: it responds so to a request without a token."""
        probe = self.without_token
        return probe is not None and probe.downstream_code in ("missing_token", "missing_principal")


def settings_for(url: str) -> dict[str, str]:
    """Return this machine's settings of the apps, or none if they belong to another environment.

    Settings of the local tenant say nothing about apps in Azure, nor the other way round.
    """
    settings = {name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)}
    for name in ("AAD_FUNC_URL", "ENTRA_AUTHORITY"):
        value = settings.get(name, "")
        if is_https_or_loopback(value):
            return settings if _is_local(value) == _is_local(url) else {}
    return settings


def _is_local(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
