"""The page over plain HTTP: content negotiation, headers, and content that does not depend on the request."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
import requests

from common.problems import PROBLEM_TYPES
from common.remediations import CLAIM_DESCRIPTIONS, REMEDIATIONS, TIME_CLAIMS, UNDESCRIBED_CLAIM, VALIDATION_STEPS
from local_azure.cloud import LocalAzure
from msi_func import page
from tests.support import apps
from tests.support.apps import Host
from tests.support.scripted import Scripted, as_json

TIMEOUT = 30
CLAIMS = {"a": 1, "b": "\u00e9<b>"}
INDEX = apps.APP / "msi_func" / "page" / "index.html"

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
# A header that contains text/html anywhere, regardless of weights, other entries and syntax.
HTML = [
    CHROMIUM,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html",
    "TEXT/HTML",
    "text/html;charset=utf-8",
    "text/html ; q=0.9 , */*;q=0.1",
    "text/html;level=1;q=0.4, application/json;q=0.3",
    "text/html;q=0.001",
    "text/html, application/json;q=0.9",
    "application/json;q=0.9,text/html",
    "text/html, application/json;q=0",
    "text/html, application/json;q=0, */*",
    "text/html, application/*;q=0.999",
    "text/html;q=0.2, application/json;q=0.1, */*",
    "text/html;Q=1.000,*/*;Q=0.5",
    ", text/html,,",
    "text/html;q=0.1, text/html",
    "text/html, */*",
    "text/html, application/json",
    "text/html, application/*",
    "text/html;q=0.9, application/json",
    "text/html, application/problem+json",
    "text/html;q=0.5, */*;q=0.8",
    "text/html;q=0.8, application/json;q=0.8",
    "text/html;q=0",
    "text/html;q=0.000, */*;q=0",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",  # the default of Java's HttpURLConnection
    "text/html;q=high",
    "text/html;q=2",
    "text/html;q=-1",
    "text/html;q=1.001",
    "text/html;q=0.1234",
    "text/html;q=",
    "text/html q=1",
    "text/html;",
    "text/htmlx",
    "x-text/html",
    "text/html/x",
    "text/html\u00e9",
    '"text/html"',
    "text/html;;q=1",
    "text/html" * 1000,
    "text/html" + ";a=b" * 3000 + ";",
]
JSON = [
    None,
    "",
    "*/*",
    "*/*;q=0.1",
    "application/json",
    "application/problem+json",
    "application/json, text/plain, */*",
    "text/*",
    "text/plain",
    "application/xhtml+xml",
    "application/json;q=0",
]


@pytest.fixture
def host(scripted_api: tuple[Host, Scripted]) -> Host:
    """A host of msi-func, which calls an API with a constant response."""
    running, api = scripted_api
    api.answer = lambda request: as_json(200, CLAIMS)
    return running


def get(host: Host, accept: str | None, query: str = "") -> requests.Response:
    # None removes the header. By default, requests sends */*.
    headers = {"Accept": accept.encode() if accept is not None else None}
    return requests.get(host.url("msi-func") + query, headers=headers, timeout=TIMEOUT)


def own_headers(response: requests.Response) -> dict[str, str]:
    """Return the headers that the function sets, with names in lower case."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {name: value for name, value in headers.items() if name not in ("date", "content-length")}


@pytest.mark.parametrize("accept", HTML, ids=lambda accept: repr(accept)[:40])
def test_request_that_accepts_html_gets_the_page(accept: str, host: Host):
    response = get(host, accept)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", JSON, ids=lambda accept: repr(accept)[:40])
def test_other_request_gets_json(accept: str | None, host: Host):
    response = get(host, accept)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Vary"] == "Accept"
    assert response.content == json.dumps(CLAIMS).encode()


@pytest.mark.parametrize(("query", "media_type"), [("", "application/json"), ("?auth=no", "application/problem+json")])
def test_json_response_has_only_these_headers(query: str, media_type: str, host: Host):
    response = get(host, "application/json", query)
    timing = {} if query else {"server-timing": response.headers["Server-Timing"]}
    assert own_headers(response) == {
        "content-type": media_type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "vary": "Accept",
        **timing,
    }


def test_page_has_only_these_headers_and_no_cookie(host: Host):
    response = get(host, CHROMIUM)
    assert response.status_code == 200
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name in ("script", "style")
        for text in re.findall(rf"<{name}>(.*?)</{name}>", response.text, re.DOTALL)
    )
    assert own_headers(response) == {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "vary": "Accept",
    }


def test_page_calls_no_api_and_is_the_same_for_every_request(local_azure_server: LocalAzure):
    with (
        Scripted(lambda request: as_json(200, CLAIMS)) as api,
        apps.running(apps.msi_settings(local_azure_server, api.origin)) as running,
    ):
        queries = ("", "?auth=0", "?auth=no", "?as=user", "?code=<script>")
        pages = {get(running, CHROMIUM, query).content for query in queries}
    assert len(pages) == 1
    assert api.requests == []


def test_page_is_the_file_with_the_texts_inserted(host: Host):
    before, after = INDEX.read_text("utf-8").split("{/* words */}")
    text = get(host, CHROMIUM).text
    assert text.startswith(before)
    assert text.endswith(after)
    assert words_in(text).keys() == {"codes", "app", "checks", "claims", "other", "times"}


def test_page_loads_nothing_from_other_urls(host: Host, local_azure_server: LocalAzure):
    # Remove the App ID URI: it is a URL, but it only occurs in a command.
    text = get(host, CHROMIUM).text.replace(
        apps.msi_settings(local_azure_server, "")["AAD_FUNC_SCOPE"].removesuffix("/.default"), ""
    )
    # The SVG namespace is only a name and is never fetched.
    addresses = set(re.findall(r"(?:https?:|data:|blob:)?//[\w.]+[\w/.]*", text)) - {"http://www.w3.org/2000/svg"}
    assert not addresses
    assert not re.findall(r"<(?:link|img|iframe|base|form|object|embed)\b|@import|url\(|\b(?:src|href)=", text)
    assert not re.findall(r"\s(?:style|on\w+)=", text)


MARKUP_SINKS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "setHTML", "eval(")
STORAGE = ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches", "serviceWorker")


@pytest.mark.parametrize("word", [*MARKUP_SINKS, *STORAGE, "createContextualFragment", "new Function", "srcdoc"])
def test_page_uses_no_markup_sink_and_no_storage(word: str):
    assert word not in INDEX.read_text()


SETTINGS_IN_COMMANDS = [
    ({}, {"api": "", "client": ""}),
    ({"AAD_FUNC_SCOPE": "api://a/.default"}, {"api": "api://a", "client": ""}),
    ({"AAD_FUNC_SCOPE": "api://a"}, {"api": "", "client": ""}),
    (
        {"AAD_FUNC_SCOPE": "https://a.example/.default", "MSI_FUNC_CLIENT_ID": "0B0F0001-c11d-4000-8000-000000000000"},
        {"api": "https://a.example", "client": "0b0f0001-c11d-4000-8000-000000000000"},
    ),
    ({"AAD_FUNC_SCOPE": "api://a/.default", "MSI_FUNC_CLIENT_ID": "a"}, {"api": "", "client": ""}),
]


@pytest.mark.parametrize(("settings", "expected"), SETTINGS_IN_COMMANDS)
def test_page_has_two_settings_for_its_commands_if_they_are_valid(
    settings: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("AAD_FUNC_SCOPE", "MSI_FUNC_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    page._page.cache_clear()
    text = page.page_response().get_body().decode()
    page._page.cache_clear()
    assert words_in(text)["app"] == expected


def test_page_contains_every_code_check_and_claim(monkeypatch: pytest.MonkeyPatch):
    assert words_in(page.page_response().get_body().decode()) == {
        "codes": {code: [kind.description, REMEDIATIONS[code]] for code, kind in PROBLEM_TYPES.items()},
        "app": {"api": "", "client": ""},
        "checks": [[name, list(codes)] for name, codes in VALIDATION_STEPS],
        "claims": CLAIM_DESCRIPTIONS,
        "other": UNDESCRIBED_CLAIM,
        "times": list(TIME_CLAIMS),
    }
    # Even a trusted text that contains "</script>" must not close the script element.
    monkeypatch.setitem(REMEDIATIONS, "missing_role", "</script><script>alert(1)</script><!--")
    page._page.cache_clear()
    text = page.page_response().get_body().decode()
    page._page.cache_clear()
    assert words_in(text)["codes"]["missing_role"][1] == REMEDIATIONS["missing_role"]
    assert text.count("</script>") == 2


def words_in(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="words">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)
