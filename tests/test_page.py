"""The page over plain HTTP: who gets it, with which headers, and that nothing else changed."""

import base64
import fnmatch
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from common.problems import PROBLEM_TYPES
from common.remediations import CLAIM_DESCRIPTIONS, REMEDIATIONS, VALIDATION_STEPS
from local_azure.cloud import LocalAzure
from msi_func import page
from tests.support import apps
from tests.support.apps import Host
from tests.support.scripted import Scripted, as_json

SECONDS = 30
HEAVIEST = 30_000  # bytes that the page may weigh
ANSWER = {"a": 1, "b": "\u00e9<b>"}

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
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
    "text/html, */*",
    "text/html, application/json",
    "text/html, application/*",
    "text/html;q=0.9, application/json",
    "text/html, application/problem+json",
    "text/html;q=0.5, */*;q=0.8",
    "text/html;q=0.8, application/json;q=0.8",
    "text/html;q=0",
    "text/html;q=0.000, */*;q=0",
    "application/json;q=0",  # the default stays, also where somebody will not have it
    # What cannot be read asks for nothing, among it what Java's HttpURLConnection sends by itself.
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
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


@pytest.fixture(scope="module")
def host(azure: LocalAzure) -> Iterator[Host]:
    """msi-func, calling an API that always answers the same."""
    with (
        Scripted(lambda request: as_json(200, ANSWER)) as api,
        apps.running(apps.msi_settings(azure, api.origin)) as running,
    ):
        yield running


def get(host: Host, accept: str | None, query: str = "") -> requests.Response:
    # None takes the header away; requests would send */*.
    headers = {"Accept": accept.encode() if accept is not None else None}
    return requests.get(host.url("msi-func") + query, headers=headers, timeout=SECONDS)


@pytest.mark.parametrize("accept", HTML)
def test_who_names_html_above_json_gets_the_page(accept: str, host: Host):
    answer = get(host, accept)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", JSON, ids=lambda accept: repr(accept)[:40])
def test_everybody_else_gets_json(accept: str | None, host: Host):
    answer = get(host, accept)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Vary"] == "Accept"
    assert answer.content == json.dumps(ANSWER).encode()


def test_a_json_answer_is_what_it_was_but_for_vary(host: Host):
    for query, media_type in (("", "application/json"), ("?auth=no", "application/problem+json")):
        answer = get(host, "application/json", query)
        timing = {} if query else {"server-timing": answer.headers["Server-Timing"]}
        mine = {name.lower(): value for name, value in answer.headers.items()}
        for name in ("date", "content-length"):
            del mine[name]
        assert mine == {
            "content-type": media_type,
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "vary": "Accept",
            **timing,
        }


def test_the_page_has_these_headers_and_no_cookie(host: Host):
    answer = get(host, CHROMIUM)
    assert answer.status_code == 200
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name in ("script", "style")
        for text in re.findall(rf"<{name}>(.*?)</{name}>", answer.text, re.DOTALL)
    )
    mine = {name.lower(): value for name, value in answer.headers.items()}
    for name in ("date", "content-length"):
        del mine[name]
    assert mine == {
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


def test_the_page_asks_nobody_and_is_the_same_for_everybody(azure: LocalAzure):
    with (
        Scripted(lambda request: as_json(200, ANSWER)) as api,
        apps.running(apps.msi_settings(azure, api.origin)) as running,
    ):
        pages = {get(running, CHROMIUM, query).content for query in ("", "?auth=0", "?auth=no", "?code=<script>")}
    assert len(pages) == 1
    assert api.requests == []


def test_the_page_is_light_and_nothing_in_it_comes_from_elsewhere(host: Host):
    text = get(host, CHROMIUM).text
    assert len(text.encode()) < HEAVIEST
    # The name of SVG's namespace is looked up nowhere.
    addresses = set(re.findall(r"(?:https?:|data:|blob:)?//[\w.]+[\w/.]*", text)) - {"http://www.w3.org/2000/svg"}
    assert not addresses
    assert not re.findall(r"<(?:link|img|iframe|base|form|object|embed)\b|@import|url\(|\b(?:src|href)=", text)
    assert not re.findall(r"\s(?:style|on\w+)=", text)


WAYS_TO_MARKUP = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "setHTML", "eval(")
KEPT = ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches", "serviceWorker")


@pytest.mark.parametrize("word", [*WAYS_TO_MARKUP, *KEPT, "createContextualFragment", "new Function", "srcdoc"])
def test_the_page_has_no_way_to_markup_and_keeps_nothing(word: str):
    assert word not in (apps.APP / "msi_func" / "page.html").read_text()


def test_the_page_knows_every_code_check_and_claim(monkeypatch: pytest.MonkeyPatch):
    words = words_in(page.response().get_body().decode())
    assert words["codes"] == {code: [kind.description, REMEDIATIONS[code]] for code, kind in PROBLEM_TYPES.items()}
    assert words["checks"] == [[name, list(codes)] for name, codes in VALIDATION_STEPS]
    assert words["claims"] == CLAIM_DESCRIPTIONS
    # The tables are ours, but a sentence with markup in it must not end the element that holds it.
    monkeypatch.setitem(REMEDIATIONS, "missing_role", "</script><script>alert(1)</script><!--")
    page._page.cache_clear()
    text = page.response().get_body().decode()
    page._page.cache_clear()
    assert words_in(text)["codes"]["missing_role"][1] == REMEDIATIONS["missing_role"]
    assert text.count("</script>") == 2


def words_in(text: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="words">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def test_a_json_request_reads_and_imports_nothing_of_the_page():
    script = """
import sys
import azure.functions as func
import function_app
from local_azure.functions_context import Context
call = {f.get_function_name(): f.get_user_function() for f in function_app.app.get_functions()}["msi_func"]
for accept in ("*/*", "application/json", ""):
    request = func.HttpRequest("GET", "/", headers={"Accept": accept}, params={}, body=b"")
    answer = call(request, Context.of("x", ".", {}))
    assert answer.headers["Vary"] == "Accept"
mine = {"msi_func.page", "common.fixes", "common.claim_meanings"} & sys.modules.keys()
assert not mine, mine
"""
    with apps.clean_environment():
        ended = subprocess.run(
            [sys.executable, "-c", script], cwd=apps.APP, capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 0, ended.stderr


def test_the_page_is_deployed():
    left_out = (apps.APP / ".funcignore").read_text().split()
    for name in ("msi_func", "page.html", "msi_func/page.html", "common"):
        assert not any(fnmatch.fnmatch(name, pattern) for pattern in left_out), name
