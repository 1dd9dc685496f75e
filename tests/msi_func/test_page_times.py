"""Durations on the page add up: for any Server-Timing header, the listed parts plus the remainder equal the total."""

import re

import pytest

from tests.support.apps import Host
from tests.support.page import chromium, fetched, idle_tabs, opened, path
from tests.support.scripted import Reply, Request, Scripted, as_json

__all__ = ["chromium", "idle_tabs", "opened"]

ACCEPTED = {"authenticated_by": "bearer_token", "caller": {"kind": "application"}, "roles": ["DoAll"], "claims": {}}

# (label, Server-Timing header, parts in milliseconds)
TIMINGS = [
    ("a cached token", 'token;desc="managed identity";dur=0.0, aad-func;dur=2.4', {"token": 0, "call": 2.4}),
    ("no token", "aad-func;dur=2.4", {"call": 2.4}),
    (
        "a renewed token",
        'token;desc="app registration";dur=0.1, aad-func;dur=3.3, renewal;desc="x";dur=9.9, aad-func;dur=4.4',
        {"token": 0.1, "2 calls": 7.7, "renewal": 9.9},
    ),
    ("durations with two decimals", "token;dur=0.04, aad-func;dur=0.06", {"token": 0.04, "call": 0.06}),
    ("seconds", "token;dur=700.14, aad-func;dur=900000.77", {"token": 700.14, "call": 900000.77}),
    ("metrics of other servers", 'cdn;dur=4, token;dur=0.1, aad-func;dur=1, x;desc="y"', {"token": 0.1, "call": 1}),
    ("a metric without a duration", 'token;desc="managed identity", aad-func;dur=1.0', {"call": 1}),
    ("a duration that is not a number", "token;dur=1.2.3, aad-func;dur=2.0", {"call": 2}),
    ("an empty header", "", {}),
]


@pytest.mark.parametrize(("why", "timing", "parts"), TIMINGS, ids=[case[0] for case in TIMINGS])
def test_parts_add_up_to_the_total(why, timing, parts, opened, msi_host: Host):
    page = fetched(msi_host)

    def respond(request: Request) -> Reply:
        return page if "text/html" in request.headers["accept"] else as_json(200, ACCEPTED, Server_Timing=timing)

    with Scripted(respond) as host:
        shown = opened(f"{host.origin}/api/msi-func")
        assert "NaN" not in shown.text("#path")
        if not parts:
            assert shown.page.locator(".sum").count() == 0
            return
        text = shown.text(".sum")
        total, unit = re.match(r"(\d+\.\d+) (m?s) in total: ", text).groups()
        assert unit == "s" or why != "seconds"
        found = re.findall(
            rf"(token|renewal|call|2 calls|everything else \(browser, network, msi-func\)) (\d+\.\d+) {unit}", text
        )
        scale = 10 if unit == "ms" else 1
        assert {name: units(number) for name, number in found[:-1]} == {
            name: round(milliseconds * scale) for name, milliseconds in parts.items()
        }
        assert units(total) == sum(units(number) for _, number in found)
        assert len(re.findall(r"\d m?s\b", text)) == len(found) + 1
        assert f"{total} {unit} in total" in shown.text("#path li:nth-child(2)")
        assert f"The response took {total} {unit}." in shown.text("#said")


def units(number: str) -> int:
    return int(number.replace(".", ""))


def test_failed_renewal_is_shown_at_the_identity(opened, msi_host: Host):
    page = fetched(msi_host)
    timing = 'token;desc="app registration";dur=0.1, aad-func;dur=3.3, renewal;desc="app registration";dur=9.9'
    failed = as_json(502, {"code": "token_unavailable", "detail": "It failed."}, Server_Timing=timing)
    with Scripted(lambda request: page if "text/html" in request.headers["accept"] else failed) as host:
        shown = opened(f"{host.origin}/api/msi-func")
        assert path(shown)[1:] == ["ok: returned 502", "bad: failed here", "none: rejected the first token"]
        assert "renewal 9.9 ms" in shown.text("#path li:nth-child(3)")
