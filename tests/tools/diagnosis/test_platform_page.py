"""Responses that App Service sends instead of an app: recognition, cause and step."""

import pytest

from tests.tools.probes import AZURE_AAD_URL, MSI_URL, response
from tools.diagnosis.platform_page import is_sign_in_redirect, platform_finding, throttled

LOGIN = "https://login.microsoftonline.com/x/oauth2/v2.0/authorize"
APP_SERVICE = AZURE_AAD_URL.replace("https:", "http:")

PAGES = [
    (
        "stopped",
        response(403, text="<h1>Error 403 - This Web App is Stopped.</h1>"),
        "The app aad-func is stopped.",
        "Start",
    ),
    (
        "disabled for its quota",
        response(403, text="Site Disabled"),
        "The app aad-func is stopped.",
        "Start the Functions host",
    ),
    (
        "an access restriction",
        response(403, x_ms_forbidden_ip="203.0.113.7"),
        "An access restriction of aad-func blocks this machine.",
        "allow 203.0.113.7.",
    ),
    (
        "an access restriction for IPv6",
        response(403, x_ms_forbidden_ip="[2001:db8::7]"),
        "blocks",
        "allow 2001:db8::7.",
    ),
    (
        "an access restriction without an address",
        response(403, text="Error 403 - Ip Forbidden"),
        "blocks this machine",
        "allow this machine's address.",
    ),
    (
        "an address that is a command",
        response(403, x_ms_forbidden_ip="$(reboot)"),
        "blocks this machine",
        "allow this machine's address.",
    ),
    (
        "sign-in",
        response(302, Location=LOGIN),
        "redirects to a sign-in page",
        "set Unauthenticated requests to HTTP 401.",
    ),
    ("sign-in by Easy Auth", response(302, Location="/.auth/login/aad"), "redirects to a sign-in page", "HTTP 401"),
    (
        "moved",
        response(301, Location="https://www.example.org/"),
        "redirects to www.example.org",
        "so that there is no redirect.",
    ),
    ("a relative path", response(307, Location="/other"), "redirects to another path", "so that there is no redirect."),
    (
        "https only",
        response(301, url=APP_SERVICE, Location=AZURE_AAD_URL),
        "redirects to aad-x1.azurewebsites.net",
        f"Use the https URL of aad-func: {AZURE_AAD_URL}",
    ),
    (
        "a redirect to an invalid URL",
        response(302, Location="http://["),
        "redirects to another path",
        "so that there is no redirect.",
    ),
    (
        "the front end",
        response(503, text="The service is unavailable."),
        "App Service cannot reach aad-func",
        "Restart",
    ),
]


@pytest.mark.parametrize(("why", "probe", "cause", "step"), PAGES, ids=[case[0] for case in PAGES])
def test_platform_response_has_its_cause_and_step(why, probe, cause, step):
    found = platform_finding("aad-func", probe)
    assert found
    assert cause in found.cause
    assert step in found.step


OTHERS = [
    ("aad-func's 503", response(503, {"code": "signing_keys_unavailable"})),
    ("Easy Auth's 403", response(403, text="You do not have permission to view this directory or page.")),
    ("a page that quotes the text", response(200, text="This web app is stopped")),
    ("a 401", response(401, x_ms_forbidden_ip="203.0.113.7")),
    ("a 500", response(500)),
    ("not modified", response(304)),
]


@pytest.mark.parametrize(("why", "probe"), OTHERS, ids=[case[0] for case in OTHERS])
def test_other_response_is_not_a_platform_response(why, probe):
    assert platform_finding("aad-func", probe) is None


SIGN_INS = [
    (302, LOGIN, True),
    (303, "https://login.microsoftonline.us/x", True),
    (307, "/.auth/login/aad?post_login_redirect_url=/", True),
    (301, LOGIN, False),
    (200, LOGIN, False),
    (302, "https://login.microsoftonline.com.example/x", False),
    (302, "https://login.microsoftonline.com@x.example/", False),
    (302, "https://x.example/login.microsoftonline.com", False),
    (302, "", False),
]


@pytest.mark.parametrize(("status", "location", "expected"), SIGN_INS)
def test_sign_in_page_is_recognized_by_its_host_or_path(status, location, expected):
    assert is_sign_in_redirect(response(status, Location=location)) == expected


def test_step_for_a_throttled_app_waits_before_the_doctor_runs_again():
    found = throttled("aad-func", MSI_URL)
    assert (found.cause, found.step) == (
        "aad-func throttles requests (429).",
        f"sleep 60; python -m tools.doctor {MSI_URL}",
    )
