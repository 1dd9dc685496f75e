"""Reject requests from web pages of other origins."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_MESSAGE = "Web pages of other origins cannot use the local tenant."


def reject_web_pages(app: ASGIApp) -> ASGIApp:
    """Reject requests from web pages of other origins before `app` counts the requests or injects faults.

    A page can send requests to another origin, although the page cannot read the responses. Rejected requests are not
    logged, because a page could flood the log.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_foreign_page(Request(scope)):
            await JSONResponse({"message": _MESSAGE}, status_code=403)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guarded


def _is_foreign_page(request: Request) -> bool:
    """Return whether a web page of another origin sent the request.

    Browsers send Origin with POST and CORS requests, and Sec-Fetch-Site with every request to a loopback address.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host')}":
        return True
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
