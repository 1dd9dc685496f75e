"""Results of probes as the doctor collects them, without the requests."""

from typing import Any

from multidict import CIMultiDict

from tools.probe import ProbeResult

NOW = 1_800_000_000.0
MSI_URL = "http://127.0.0.1:7071/api/msi-func"
AAD_URL = "http://127.0.0.1:7072/api/aad-func"
AZURE_MSI_URL = "https://msi-x1.azurewebsites.net/api/msi-func"
AZURE_AAD_URL = "https://aad-x1.azurewebsites.net/api/aad-func"


def response(
    status: int,
    body: dict[str, Any] | None = None,
    *,
    url: str = MSI_URL,
    text: str = "",
    reason: str = "",
    took: float = 0.5,
    **headers: str,
) -> ProbeResult:
    """Return a response. Header names are given with underscores."""
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return ProbeResult(url, status, body or {}, fields, text, NOW, NOW + took, reason)


def accepted(*, url: str = MSI_URL, **claims: Any) -> ProbeResult:
    """Return the response to an accepted request whose token had these claims."""
    return response(200, {"caller": {}, "roles": ["DoAll"], "claims": claims}, url=url)


def denied(status: int, code: str = "", *, url: str = MSI_URL, **members: Any) -> ProbeResult:
    """Return msi-func's response for an error response of aad-func."""
    inner = {"status": status, **({"code": code} if code else {}), **members}
    return response(502, {"code": "downstream_error", "downstream": inner}, url=url)


def direct(status: int, code: str = "", *, url: str = AAD_URL, **options: Any) -> ProbeResult:
    """Return aad-func's response to a direct request."""
    return response(status, {"code": code} if code else {}, url=url, **options)
