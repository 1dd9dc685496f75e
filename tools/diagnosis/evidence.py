"""The doctor's evidence: probes, this machine's settings and, if possible, a new token."""

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
    """Results of probes, or None for probes that were not sent. `settings` contains only the probed apps' settings."""

    call: ProbeResult  # request to msi-func
    without_token: ProbeResult | None = None  # request to msi-func with auth=0, so that msi-func sends no token
    direct: ProbeResult | None = None  # request to aad-func without credentials
    forged_principal: ProbeResult | None = None
    forged_token: ProbeResult | None = None
    fresh: FreshToken | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    aad_url: str = ""  # from --aad or AAD_FUNC_URL
    has_key: bool = False  # whether a function key was sent to msi-func
    is_client_id_known: bool | None = None  # whether Entra issues tokens for AAD_FUNC_CLIENT_ID

    @property
    def msi_url(self) -> str:
        """The URL of msi-func, without its query."""
        return urlsplit(self.call.url)._replace(query="").geturl()

    @property
    def is_aad_reached(self) -> bool:
        """Whether aad-func's code or Easy Auth in front of it responded to this machine."""
        return self.direct is not None and self.direct.status == 401

    @property
    def reaches_aad_code(self) -> bool:
        """Whether AAD_FUNC_URL leads to aad-func's code, which reports that the token or principal is missing."""
        probe = self.without_token
        return probe is not None and probe.downstream_code in ("missing_token", "missing_principal")


def settings_for(url: str) -> dict[str, str]:
    """Return the apps' settings on this machine, or {} if the settings belong to another environment.

    Settings for the local tenant do not belong to apps in Azure, and vice versa.
    """
    settings = {name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)}
    for name in ("AAD_FUNC_URL", "ENTRA_AUTHORITY"):
        value = settings.get(name, "")
        if is_https_or_loopback(value):
            return settings if _is_local(value) == _is_local(url) else {}
    return settings


def _is_local(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
