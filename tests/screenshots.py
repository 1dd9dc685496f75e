"""Screenshots of the page for README and docs: `make screenshots` updates docs/images."""

import contextlib
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load
from tests.support import apps, browser

IMAGES = apps.APP / "docs" / "images"
NO_ROLE = "msi-func/slots/staging"

# Name, site, the last visible element and the window's options.
PICTURES = (
    ("page-success", "msi-func", "#claims tbody tr:nth-child(5)", {}),
    ("page-dark", "msi-func", "#claims tbody tr:nth-child(5)", {"color_scheme": "dark"}),
    ("page-missing-role", NO_ROLE, "section:has(#checks)", {}),
    ("page-narrow", NO_ROLE, "section:has(#fix)", {"width": 360}),
)


def main() -> None:
    """Take every screenshot, each after a new request."""
    IMAGES.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        azure = stack.enter_context(LocalAzure(load(), port=0, state=state))
        aad = stack.enter_context(apps.running(apps.aad_settings(azure)))
        sites = {site for _, site, _, _ in PICTURES}
        urls = {site: _msi_func(stack, azure, aad, site) for site in sites}
        chromium = stack.enter_context(browser.launched())
        for name, site, last, window in PICTURES:
            _take(chromium, urls[site], IMAGES / f"{name}.png", last, window)


def _msi_func(stack: contextlib.ExitStack, azure: LocalAzure, aad: apps.Host, site: str) -> str:
    settings = apps.msi_settings(azure, aad.url("aad-func"), site=site)
    return stack.enter_context(apps.running(settings)).url("msi-func")


def _take(chromium: Browser, url: str, file: Path, last: str, window: dict) -> None:
    with browser.tab(chromium) as shown:
        shown.set_window(**window)
        shown.open(url)
        shown.press("Call without token (expected: 401)")  # so that both apps are warm for the next request
        shown.press("Call with the token")
        shown.page.mouse.move(0, 0)
        shown.page.evaluate("document.activeElement.blur()")
        box = shown.page.locator(last).bounding_box()
        width, height = shown.page.evaluate("innerWidth"), box["y"] + box["height"]
        shown.page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})


if __name__ == "__main__":
    main()
