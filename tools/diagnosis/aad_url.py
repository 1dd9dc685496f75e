"""Findings for an AAD_FUNC_URL that does not lead to aad-func."""

from urllib.parse import urlsplit

from tools import commands
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding

PATH = "/api/aad-func"


def wrong_url(evidence: Evidence, cause: str) -> Finding:
    """Return a finding with this cause. The step sets AAD_FUNC_URL if the right URL is known."""
    if evidence.aad_url and (evidence.is_aad_reached or not has_path(evidence.aad_url)):
        url = with_path(evidence.aad_url)
        return Finding(cause, commands.set_setting("msi-func", evidence.msi_url, "AAD_FUNC_URL", url))
    return ask_directly(evidence, cause)


def ask_directly(evidence: Evidence, cause: str) -> Finding:
    """Return a finding with this cause. The step is to run the doctor with --aad, or to read aad-func's log."""
    if evidence.direct:
        return Finding(cause, commands.read_log("aad-func", evidence.aad_url))
    return Finding(cause, commands.doctor(evidence.msi_url, "https://<aad-func app>.azurewebsites.net/api/aad-func"))


def has_path(url: str) -> bool:
    """Return whether the URL has aad-func's path."""
    return urlsplit(url).path.lower().rstrip("/").endswith(PATH)


def with_path(url: str) -> str:
    """Return the URL with aad-func's path."""
    return url if has_path(url) else urlsplit(url)._replace(path=PATH).geturl()
