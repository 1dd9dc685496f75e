"""Tabs in this machine's headless Chromium, driven by Playwright and checked by axe-core."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, sync_playwright

TIMEOUT_MS = 15_000
REQUIRED = "REQUIRE_BROWSER"  # set by .ci/run, so that a missing browser is a failure
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# For containers, in which root has no sandbox, and without Chromium's background requests.
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
# WCAG 2.2 AA is required; axe's best-practice rules are checked, too.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Reports violations of the page's CSP as console errors.
_REPORT_VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.blockedURI))"


def executable() -> str:
    """Return the browser's path. Without a browser, skip the test, or fail it if REQUIRE_BROWSER is set."""
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
    """A page, its errors and the URLs that it requested."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        try:
            self.page.goto(url)
        except Error as error:  # Chromium can lose a connection that it preconnected.
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
        """Return axe-core's violations, one line each."""
        # axe-core's script is injected despite the page's CSP, as by a browser extension, so the page is unmodified.
        found: dict[str, Any] = (
            Axe().run(self.page, options={"runOnly": _RULES, "resultTypes": ["violations"]}).response
        )
        return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]

    def overflow(self) -> int:
        """Return the horizontal overflow in pixels."""
        pixels: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return pixels

    def set_window(
        self,
        *,
        width: int = 1200,
        height: int = 900,
        color_scheme: Any = "light",
        forced_colors: Any = "none",
        reduced_motion: Any = "no-preference",
        permissions: Sequence[str] = (),
    ) -> None:
        """Set what a page can query about its window, and move the mouse to a corner, where it hovers over nothing."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=color_scheme, forced_colors=forced_colors, reduced_motion=reduced_motion)
        self.page.context.clear_permissions()
        if permissions:
            self.page.context.grant_permissions(permissions)
        self.page.mouse.move(0, 0)

    def leave(self) -> None:
        """Leave the page, which ends its timers and requests, and forget its errors and requests."""
        self.page.goto("about:blank")
        self.errors.clear()
        self.requested.clear()


@contextlib.contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Tab]:
    """Open a tab in a new browser context, without cookies and storage of other tests."""
    with browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", **options) as context:
        context.add_init_script(_REPORT_VIOLATIONS)
        context.set_default_timeout(TIMEOUT_MS)
        opened = Tab(context.new_page())
        opened.page.on("console", lambda line: opened.errors.append(line.text) if line.type == "error" else None)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda request: opened.requested.append(request.url))
        opened.set_window()
        yield opened


@dataclass
class IdleTabs:
    """Tabs that tests use one after another, because a new one takes longer than most tests."""

    browser: Browser
    stack: contextlib.ExitStack  # closes the tabs
    idle: list[Tab] = field(default_factory=list)

    def take(self, **window: Any) -> Tab:
        taken = self.idle.pop() if self.idle else self.stack.enter_context(tab(self.browser))
        taken.set_window(**window)
        return taken

    def put_back(self, used: Tab) -> None:
        """Reuse a tab whose page has left no cookies and no storage."""
        used.leave()
        self.idle.append(used)
