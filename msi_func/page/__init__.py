"""The page that browsers receive instead of JSON. Its script requests the JSON from the same URL."""

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import azure.functions as func

from common.problems import PROBLEM_TYPES, Problem
from common.remediations import CLAIM_DESCRIPTIONS, REMEDIATIONS, TIME_CLAIMS, UNDESCRIBED_CLAIM, VALIDATION_STEPS
from common.settings import Settings


def page_response() -> func.HttpResponse:
    """Return the page. It contains no data from the request."""
    body, policy = _page()
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",  # The URL may contain a function key.
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(body, headers=headers, mimetype="text/html")


@functools.cache
def _page() -> tuple[bytes, str]:
    """Return the page and its Content-Security-Policy.

    The policy allows only the page's script, its style, and requests to its origin.
    """
    texts: dict[str, Any] = {
        "codes": {code: [kind.description, REMEDIATIONS[code]] for code, kind in PROBLEM_TYPES.items()},
        "app": _settings_in_commands(),
        "checks": VALIDATION_STEPS,
        "claims": CLAIM_DESCRIPTIONS,
        "other": UNDESCRIBED_CLAIM,
        "times": TIME_CLAIMS,
    }
    words = json.dumps(texts).replace("<", "\\u003c")  # prevents markup in the JSON
    html = Path(__file__).with_name("index.html").read_text("utf-8").replace("{/* words */}", words)
    policy = (
        f"default-src 'none'; script-src {_hash('script', html)}; "
        f"style-src {_hash('style', html)}; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return html.encode(), policy


def _hash(element: str, html: str) -> str:
    """Return the CSP hash of an inline element's text (https://www.w3.org/TR/CSP3/)."""
    text = html.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _settings_in_commands() -> dict[str, str]:
    """Return the API's App ID URI and msi-func's client ID (empty if not set) for the commands on the page.

    Both are empty if AAD_FUNC_SCOPE is missing or a setting is invalid. The URI is never taken from a response: a
    malicious API could make the reader assign a role of another API.
    """
    try:
        with Settings() as settings:
            client_id = settings.optional_guid("MSI_FUNC_CLIENT_ID") or ""
            return {"api": settings.scope("AAD_FUNC_SCOPE").removesuffix("/.default"), "client": client_id}
    except Problem:
        return {"api": "", "client": ""}
