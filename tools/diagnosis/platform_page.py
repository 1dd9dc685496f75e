"""Findings for responses that App Service sends instead of an app."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from tools import commands
from tools.diagnosis.finding import Finding
from tools.probe import ProbeResult

_SIGN_IN_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
RETURN_401 = (
    "In the portal, open {app} > Settings > Authentication > Edit, and set Unauthenticated requests to HTTP 401."
)
ALLOW_ADDRESS = "In the portal, open {app} > Settings > Networking > Public network access, and allow {address}."


def platform_finding(app: str, probe: ProbeResult) -> Finding | None:
    """Return the finding for a response of App Service, or None if the response is not recognized."""
    text, status = probe.text.lower(), probe.status
    url = probe.url
    if status == 403 and ("web app is stopped" in text or "site disabled" in text):
        return Finding(f"The app {app} is stopped.", commands.start(app, url))
    if status == 403 and ("x-ms-forbidden-ip" in probe.headers or "ip forbidden" in text or "has blocked" in text):
        address = _address(probe.headers.get("x-ms-forbidden-ip", "")) or "this machine's address"
        step = ALLOW_ADDRESS.format(app=app, address=address)
        return Finding(f"An access restriction of {app} blocks this machine.", step)
    if is_sign_in_redirect(probe):
        return Finding(f"Easy Auth of {app} redirects to a sign-in page.", RETURN_401.format(app=app))
    if status in (301, 302, 307, 308):
        where = _location(probe).hostname or "another path"
        return Finding(f"The URL of {app} redirects to {where}.", _use_https(app, probe))
    if status == 503 and not probe.code:
        cause = f"App Service cannot reach {app} (503). The app does not start or is overloaded."
        return Finding(cause, commands.restart(app, url))
    return None


def throttled(app: str, msi_url: str) -> Finding:
    """Return the finding for status 429."""
    return Finding(f"{app} throttles requests (429).", f"sleep 60; {commands.doctor(msi_url)}")


def is_sign_in_redirect(probe: ProbeResult) -> bool:
    """Return whether the response sends a browser to a sign-in page."""
    location = _location(probe)
    is_sign_in = (location.hostname or "") in _SIGN_IN_HOSTS or location.path.startswith("/.auth/login")
    return probe.status in (302, 303, 307) and is_sign_in


def _location(probe: ProbeResult) -> SplitResult:
    try:
        return urlsplit(probe.headers.get("Location", ""))
    except ValueError:
        return urlsplit("")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[] ")))
    except ValueError:
        return ""


def _use_https(app: str, probe: ProbeResult) -> str:
    location = _location(probe)
    if location.scheme == "https" and location.hostname == urlsplit(probe.url).hostname:
        return f"Use the https URL of {app}: {urlsplit(probe.url)._replace(scheme='https').geturl()}"
    return f"Use the URL of the app {app} itself, so that there is no redirect."
