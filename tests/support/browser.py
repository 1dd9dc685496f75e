"""The page in a real headless Chromium: the one that this machine has, driven by Playwright, checked by axe-core."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, sync_playwright

PATIENCE = 15_000  # milliseconds that a tab may take for what is waited for
REQUIRED = "REQUIRE_BROWSER"  # set where a run without a browser is no run: .ci/run
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As root, in a container, without a network: Chromium asks for things of its own accord unless told not to.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
# WCAG 2.2 AA is what must hold; axe's best practices are asked for as well.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Every way past the policy of the page is noted here, from before its script runs.
_NOTE_VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.blockedURI))"


def executable() -> str:
    """The browser's path; skips the test where there is none, or fails it where one is required."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        reason = f"no browser: none of {', '.join(_NAMES)} is on the PATH"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and {REQUIRED} is set")
        pytest.skip(reason)
    return found


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One page, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        try:
            self.page.goto(url)
        except Error as error:  # Chromium can lose a connection that it opened ahead of time.
            if "ERR_SOCKET_NOT_CONNECTED" not in error.message:
                raise
            self.page.goto(url)
        self.settled()

    def press(self, button: str) -> None:
        before = self.page.locator("#said").inner_text()
        self.page.get_by_role("button", name=button, exact=True).click()
        self.page.wait_for_function("text => document.querySelector('#said').innerText !== text", arg=before)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_selector("#said:not(.wait)", state="visible")

    def text(self, selector: str) -> str:
        return " ".join(self.page.locator(selector).inner_text().split())

    def violations(self) -> list[str]:
        """What axe-core finds, a line each."""
        # Its script comes past the policy, as a browser extension's would, and runs in the page as it is.
        found: dict[str, Any] = (
            Axe().run(self.page, options={"runOnly": _RULES, "resultTypes": ["violations"]}).response
        )
        return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider


@contextlib.contextmanager
def tab(browser: Browser, *, width: int = 1200, height: int = 900, **options: Any) -> Iterator[Tab]:
    """A tab of its own context: no cookies, no storage, nothing of other tests."""
    with browser.new_context(
        viewport={"width": width, "height": height}, locale="en-GB", timezone_id="Europe/Berlin", **options
    ) as context:
        context.add_init_script(_NOTE_VIOLATIONS)
        context.set_default_timeout(PATIENCE)
        opened = Tab(context.new_page())
        opened.page.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else None)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda request: opened.requested.append(request.url))
        yield opened
