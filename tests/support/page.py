"""Fixtures that open the page in a browser and check every tab, and functions that read a tab."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.support.apps import Host
from tests.support.browser import IdleTabs, Tab, launched
from tests.support.scripted import Reply, http

# Console messages that the browser adds for error responses, which the page displays.
ERROR_STATUS = re.compile(r"Failed to load resource: (the server responded with a status of|net::ERR_CONNECTION_)")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    # Not session-scoped: Playwright leaves an event loop running in this thread, which would break other tests' loops.
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def idle_tabs(chromium: Any) -> Iterator[IdleTabs]:
    with contextlib.ExitStack() as stack:
        yield IdleTabs(chromium, stack)


@pytest.fixture
def opened(idle_tabs: IdleTabs) -> Iterator[Callable[..., Tab]]:
    """Return a function that opens a tab. All tabs are checked for errors after the test."""
    used: list[Tab] = []

    def open_one(url: str, **window: Any) -> Tab:
        used.append(idle_tabs.take(**window))
        used[-1].open(url)
        return used[-1]

    yield open_one
    for one in used:
        check(one)
        idle_tabs.put_back(one)


def check(shown: Tab) -> None:
    """Assert that the page has no errors, violates no accessibility rule, fits its window and stores nothing."""
    assert [error for error in shown.errors if not ERROR_STATUS.match(error)] == []
    assert shown.violations() == []
    assert shown.overflow() == 0
    assert shown.page.context.cookies() == []
    assert shown.page.evaluate("localStorage.length + sessionStorage.length") == 0


def path(shown: Tab) -> list[str]:
    """Return the state and the text of each stop on the path."""
    stops = shown.page.locator("#path li")
    return [
        f"{stop.get_attribute('class').split()[0]}: {stop.locator('.state').inner_text()}"  # type: ignore[union-attr]
        for stop in stops.all()
    ]


def failed_checks(shown: Tab) -> list[str]:
    return shown.page.locator("#checks .bad span:not(.state)").all_inner_texts()


def fetched(host: Host) -> Reply:
    """Return the page that the host serves, for use by a scripted server."""
    response = requests.get(host.url("msi-func"), headers={"Accept": "text/html"}, timeout=30)
    names = ("Content-Type", "Content-Security-Policy")
    return http(200, response.content, **{name.replace("-", "_"): response.headers[name] for name in names})
