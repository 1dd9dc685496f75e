"""The page that a browser gets instead of JSON: who gets it, and the one static file with its headers.

Imported when somebody's Accept header names text/html, so that neither a cold start nor a JSON request pays for it.
"""

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import azure.functions as func

from common.remediations import CLAIM_DESCRIPTIONS, UNDESCRIBED_CLAIM, TIME_CLAIMS
from common.remediations import VALIDATION_STEPS, REMEDIATIONS
from common.problems import PROBLEM_TYPES

HTML = "text/html"

# One member of an Accept header (RFC 9110 sections 12.5.1 and 5.6.6): a media range, parameters, and maybe a weight.
_TOKEN = r"[!#$%&'*+.^`|~\w-]+"
_RANGE = re.compile(
    rf"(?P<range>\*/\*|{_TOKEN}/{_TOKEN})"
    rf"(?P<parameters>(?:[ \t]*;[ \t]*(?!q=){_TOKEN}=(?:{_TOKEN}|\"[^\",]*\"))*)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?",
    re.ASCII | re.IGNORECASE,
)
# As JSON is answered: the more telling range counts (RFC 9110 section 12.5.1).
_JSON = (("application/json", "application/problem+json"), ("application/*",), ("*/*",))


def is_wanted(accept: str) -> bool:
    """Does the Accept header name text/html, with a higher weight than JSON? One that cannot be read does not."""
    weights: dict[str, float] = {}
    for member in filter(None, (part.strip(" \t") for part in accept.lower().split(","))):
        found = _RANGE.fullmatch(member)
        if found is None:
            return False
        weight = float(found["weight"] or 1)
        weights[found["range"]] = max(weight, weights.get(found["range"], 0.0))
    named = (max(weights[name] for name in names if name in weights) for names in _JSON if weights.keys() & names)
    return weights.get(HTML, 0.0) > next(named, 0.0)


def response() -> func.HttpResponse:
    """The page. It asks the same URL for JSON by itself: nothing of the request is in it."""
    body, headers = _page()
    return func.HttpResponse(body, headers=dict(headers), mimetype=HTML)


@functools.cache
def _page() -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """Body and headers, made once, when the page is first asked for."""
    # Indentation and comments are for us.
    text = re.sub(r"\n+ *(?://.*)?", "\n", Path(__file__).with_suffix(".html").read_text("utf-8"))
    page = text.replace("{/* words */}", _words())
    return page.encode(), (
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _policy(page)),
        ("Referrer-Policy", "no-referrer"),  # the URL may hold a function key
        ("Vary", "Accept"),
        ("X-Content-Type-Options", "nosniff"),
    )


def _policy(page: str) -> str:
    """Nothing but the page's own style and script, each by its hash (https://www.w3.org/TR/CSP3/), and this origin."""
    return (
        f"default-src 'none'; script-src {_hash('<script>', '</script>', page)}; "
        f"style-src {_hash('<style>', '</style>', page)}; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash(start: str, end: str, page: str) -> str:
    text = page.partition(start)[2].partition(end)[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _words() -> str:
    """What the page says about codes, checks and claims, as JSON that no HTML parser takes for markup."""
    words: dict[str, Any] = {
        "codes": {code: [kind.meaning, REMEDIATIONS.get(code, "")] for code, kind in PROBLEM_TYPES.items()},
        "checks": VALIDATION_STEPS,
        "claims": CLAIM_DESCRIPTIONS,
        "other": UNDESCRIBED_CLAIM,
        "times": TIME_CLAIMS,
    }
    return json.dumps(words, separators=(",", ":")).replace("<", "\\u003c")
