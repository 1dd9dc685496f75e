"""The finding for a missing or malformed setting of an app."""

import re
from collections.abc import Mapping
from typing import Any

from common.remediations import REMEDIATIONS
from tools import commands
from tools.diagnosis.finding import Finding
from tools.probe import string, strings


def settings_finding(app: str, url: str, problem: Mapping[str, Any]) -> Finding:
    """Return the finding for a `misconfigured` problem of `app`."""
    detail = string(problem, "detail")
    package = string(problem, "package")
    if package:
        return Finding(f"{app}: {detail}", f"func azure functionapp publish '<{app} app>' --python")
    names = [name for name in strings(problem, "settings") if re.fullmatch(r"[A-Za-z0-9_]+", name)]
    if not names:
        return Finding(f"{app}: {detail}", REMEDIATIONS["misconfigured"])
    if "AAD_FUNC_AUTHENTICATION" in names and "Easy Auth is not enabled" in detail:
        return Finding(f"{app}: {detail}", commands.remove_setting(app, url, "AAD_FUNC_AUTHENTICATION"))
    if f"{names[0]} is empty" in detail and names[0] not in _REQUIRED:
        return Finding(f"{app}: {detail}", commands.remove_setting(app, url, names[0]))
    return Finding(f"{app}: {detail}", commands.set_setting(app, url, names[0], ""))


# Settings that must not be removed: they have no default, or their default allows any client with the role.
_REQUIRED = ("AAD_FUNC_URL", "AAD_FUNC_SCOPE", "ENTRA_TENANT_ID", "AAD_FUNC_CLIENT_ID", "AAD_FUNC_ALLOWED_CALLERS")
