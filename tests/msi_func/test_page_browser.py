"""The page in a real browser, against real hosts, with every tab checked by axe-core."""

import json
import re
from typing import Any

import pytest

from common.problems import PROBLEM_TYPES
from common.remediations import CLAIM_DESCRIPTIONS, REMEDIATIONS, UNDESCRIBED_CLAIM, VALIDATION_STEPS
from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from tests.support import apps
from tests.support.apps import Host
from tests.support.browser import IdleTabs, Tab, tab
from tests.support.page import check, chromium, failed_checks, fetched, idle_tabs, opened, path
from tests.support.scripted import HANG, Reply, Request, Scripted, as_json, http

__all__ = ["chromium", "idle_tabs", "opened"]

NARROW, WIDE = 360, 1200


def test_success_shows_path_caller_checks_and_claims(opened, msi_host: Host, local_azure_server: LocalAzure):
    shown = opened(msi_host.url("msi-func"))
    assert shown.text(".headline") == "aad-func accepted the app."
    assert path(shown) == ["ok: called", "ok: returned 200", "ok: returned a token", "ok: accepted"]
    for hop in ("in total", "token", "call"):
        assert re.search(rf"{hop} [<\d]|\d m?s {hop}", shown.text("#path"))
    identity = local_azure_server.directory.site("msi-func").identities[0]
    who = shown.text("#who")
    for expected in (
        "An application, acting as itself",
        identity.client_id,
        identity.object_id,
        local_azure_server.directory.tenant_id,
    ):
        assert expected in who
    assert shown.page.locator("#checks .ok").count() == len(VALIDATION_STEPS) - 1
    assert re.fullmatch("The user's token carries the scope . not applicable", shown.text("#checks .na"))
    assert shown.text("#tally") == f"{len(VALIDATION_STEPS) - 1} passed, 1 not applicable"
    assert shown.page.get_by_role("heading", name="What to do").count() == 0
    row = shown.page.get_by_role("row", name=re.compile("^aud "))
    assert CLAIM_DESCRIPTIONS["aud"] in row.inner_text()
    assert "support asks for" in shown.page.get_by_role("row", name=re.compile("^uti ")).inner_text()
    assert shown.page.get_by_role("columnheader").all_inner_texts() == ["Claim", "Value", "Meaning"]


def test_times_are_local_and_count_down_unless_paused(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func"))
    row = shown.page.locator("tr", has=shown.page.locator("th", has_text="exp"))
    assert re.search(r"\d\d:\d\d:\d\d (CET|CEST|GMT\+\d)", row.inner_text())
    count = row.locator(".count")
    first = count.inner_text()
    assert re.fullmatch(r"expires in \d+ h \d\d min \d\d s", first)
    shown.page.wait_for_function(
        "text => document.querySelector('td .count[data-name=exp]').innerText !== text", arg=first
    )
    shown.page.get_by_role("button", name="Pause the clock", pressed=False).click()
    still = count.inner_text()
    shown.page.wait_for_timeout(1500)
    assert count.inner_text() == still
    shown.page.get_by_role("button", name="Pause the clock", pressed=True).click()
    shown.page.wait_for_function(
        "text => document.querySelector('td .count[data-name=exp]').innerText !== text", arg=still
    )


def test_buttons_send_requests_without_and_with_the_token(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func") + "?code=a%2Bb==&x=1")
    shown.press("Call without token (expected: 401)")
    assert shown.page.url.endswith("?code=a%2Bb==&x=1&auth=0")
    assert shown.text(".headline") == PROBLEM_TYPES["missing_token"].description
    assert path(shown) == ["ok: called", "ok: returned 502", "none: not used", "bad: rejected here"]
    assert failed_checks(shown) == [VALIDATION_STEPS[0][0]]
    assert shown.text("#fix").startswith(REMEDIATIONS["missing_token"])
    assert alarms(shown) == []
    shown.press("Call with the token")
    assert shown.page.url.endswith("?code=a%2Bb==&x=1")
    assert shown.text(".headline") == "aad-func accepted the app."
    assert all(url.startswith(msi_host.url("msi-func") + "?code=a%2Bb==&x=1") for url in shown.requested)
    assert "a%2Bb" not in shown.page.locator("body").inner_text()
    before = len(shown.requested)
    shown.page.get_by_role("button", name="Call again").click()
    shown.page.wait_for_function("!running.signal.aborted && document.querySelector('#said:not(.wait)')")
    assert shown.requested[before:] == [msi_host.url("msi-func") + "?code=a%2Bb==&x=1"]


def alarms(shown: Tab) -> list[str]:
    """Return the text of each element in the color of an error."""
    return shown.page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((one) => {
          const { color, borderTopColor, backgroundColor } = getComputedStyle(one);
          return [color, borderTopColor, backgroundColor].some((used) => /^rgb.(173, 31, 23|251, 233, 231)/.test(used));
        }).map((one) => one.outerHTML)"""
    )


def test_other_errors_without_a_token_are_in_the_color_of_an_error(opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(403, {"code": "caller_not_allowed"})
    shown = opened(host.url("msi-func") + "?auth=0")
    assert alarms(shown) != []


def test_missing_role_is_explained(opened, no_role: Host):
    shown = opened(no_role.url("msi-func"))
    assert shown.text(".headline") == PROBLEM_TYPES["missing_role"].description
    assert shown.text("#said").endswith("aad-func returned 403 missing_role. msi-func returned 502 downstream_error.")
    assert path(shown)[-1] == "bad: rejected here"
    assert failed_checks(shown) == ["The caller has the app role"]
    index = [name for name, _ in VALIDATION_STEPS].index("The caller has the app role")
    assert (
        shown.text("#tally")
        == f"{index} passed, 1 failed, {len(VALIDATION_STEPS) - index - 2} not checked, 1 not applicable"
    )
    assert shown.page.locator("#checks li").first.get_attribute("class") == "ok"
    fix = shown.text("#fix")
    assert fix.startswith(REMEDIATIONS["missing_role"])
    assert "Required roles DoAll" in fix
    assert shown.page.title().startswith("missing_role")


def test_unreachable_aad_func_is_explained(opened, local_azure_server: LocalAzure):
    with apps.running(apps.msi_settings(local_azure_server, f"http://127.0.0.1:{free_port()}/api/aad-func")) as host:
        shown = opened(host.url("msi-func"))
        assert shown.text(".headline") == PROBLEM_TYPES["downstream_unreachable"].description
        assert path(shown) == ["ok: called", "ok: returned 502", "ok: returned a token", "bad: failed here"]
        assert failed_checks(shown) == []
        assert shown.page.get_by_role("heading", name="What aad-func checks").count() == 0
        assert shown.text("#fix").startswith(REMEDIATIONS["downstream_unreachable"])


def test_path_stops_at_the_identity_without_a_token_and_at_msi_func_without_settings(
    opened, local_azure_server: LocalAzure, aad_host: Host
):
    settings = apps.msi_settings(local_azure_server, aad_host.url("aad-func"))
    with apps.running({**settings, "IDENTITY_HEADER": "wrong"}) as host:
        shown = opened(host.url("msi-func"))
        assert shown.text(".headline") == PROBLEM_TYPES["token_unavailable"].description
        assert path(shown) == ["ok: called", "ok: returned 502", "bad: failed here", "none: not reached"]
        assert shown.page.get_by_role("heading", name="What aad-func checks").count() == 0
    with apps.running({}) as host:
        shown = opened(host.url("msi-func"))
        assert path(shown) == ["ok: called", "bad: failed here", "none: not reached", "none: not reached"]
        assert "AAD_FUNC_URL, AAD_FUNC_SCOPE" in shown.text("#fix")
        assert shown.page.get_by_role("heading", name="What aad-func checks").count() == 0


def test_every_code_is_explained(opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    shown = opened(host.url("msi-func"))
    for code, kind in PROBLEM_TYPES.items():
        # 403 is not retried, and the page depends only on the code.
        api.answer = lambda request, code=code: as_json(403, {"code": code, "detail": PROBLEM_TYPES[code].description})
        shown.press("Call again")
        assert shown.text(".headline") == kind.description
        assert shown.text("#fix").startswith(REMEDIATIONS[code])
        assert failed_checks(shown) == [name for name, codes in VALIDATION_STEPS if code in codes]


def test_call_mode_that_is_off_is_explained(opened, local_azure_server: LocalAzure, aad_host: Host):
    with apps.running(
        {**apps.msi_settings(local_azure_server, aad_host.url("aad-func")), "MSI_FUNC_CALL_MODES": "user"}
    ) as host:
        shown = opened(host.url("msi-func") + "?as=app")
        assert shown.text(".headline") == PROBLEM_TYPES["call_mode_not_allowed"].description
        assert path(shown) == ["ok: called", "bad: rejected here", "none: not reached", "none: not reached"]
        assert shown.text("#fix").startswith(REMEDIATIONS["call_mode_not_allowed"])


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}},
        {"error": "invalid_request", "error_description": "Insufficient privileges."},
    ],
    ids=["Graph", "OAuth"],
)
def test_error_in_another_format_is_shown(error, opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(403, error)
    shown = opened(host.url("msi-func"))
    assert "Insufficient privileges." in shown.text("#fix")


MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
CONTROL_CHARACTERS = "a\u202eb\u0000c\u2028d\u200be\U000e0001\U0001f600"
HOSTILE = {
    "authenticated_by": MARKUP,
    "caller": {"kind": MARKUP, "client_id": {"a": [MARKUP]}, "object_id": None, "tenant_id": MARKUP * 100},
    "roles": [MARKUP, "</td></table>"],
    "claims": {
        MARKUP: MARKUP,
        "__proto__": MARKUP,
        "constructor": "x",
        "exp": MARKUP,
        "nbf": 10**30,
        "iat": -1,
        "name": CONTROL_CHARACTERS,
        "long": "W" * 100_000,
        "deep": [[[[[[{"a": None}]]]]]],
        "true": True,
        "": "",
    },
}


def test_markup_and_control_characters_in_claims_are_text(opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(200, HOSTILE)
    for width in (NARROW, WIDE):
        shown = opened(host.url("msi-func"), width=width)
        assert shown.page.locator("img, main script, td table").count() == 0
        assert shown.page.locator("tbody tr").count() == len(HOSTILE["claims"])
        if width == NARROW:
            shown.page.get_by_role("button", name="Show meanings").click()
        text = shown.page.locator("#claims").inner_text()
        assert MARKUP in text
        assert "a\\u202eb\\u0000c\\u2028d\\u200be\\udb40\\udc01\U0001f600" in text
        assert "(100000 characters)" in text
        copied = json.loads(shown.page.locator("pre").text_content())
        assert copied["claims"] == {**HOSTILE["claims"], "nbf": 1e30}
        assert text.count(UNDESCRIBED_CLAIM) == len(HOSTILE["claims"]) - len(
            HOSTILE["claims"].keys() & CLAIM_DESCRIPTIONS.keys()
        )
        assert shown.page.locator("table time").count() == 0
        assert MARKUP in shown.text("#who")


UNEXPECTED: list[tuple[str, Reply]] = [
    ("null", as_json(200, None)),
    ("a list", as_json(200, [1, 2])),
    ("a string", as_json(200, "<b>")),
    ("an object without a caller", as_json(200, {"claims": {"a": 1}})),
    ("a caller that is not an object", as_json(200, {"caller": "me"})),
    ("an error without a code", http(403, b"<h1>Forbidden</h1>", Content_Type="text/html")),
    ("an error with another code", as_json(403, {"code": "constructor", "detail": MARKUP})),
    ("an error whose code is not a string", as_json(403, {"code": {"a": 1}, "detail": ["x"]})),
    ("claims that are not an object", as_json(200, {"caller": {}, "claims": [1], "roles": "x"})),
    ("a thousand claims", as_json(200, {"caller": {}, "claims": {f"c{n}": n for n in range(1000)}})),
]


@pytest.mark.parametrize(("why", "reply"), UNEXPECTED, ids=[case[0] for case in UNEXPECTED])
def test_unexpected_response_is_shown(why, reply, opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: reply
    shown = opened(host.url("msi-func"))
    assert len(path(shown)) == 4
    assert shown.text(".headline") not in ("", "Calling …")
    assert shown.page.get_by_role("button", name="Copy as JSON").is_visible()


BEFORE = "The request did not reach aad-func's code."


@pytest.mark.parametrize(
    ("status", "headline", "mark"), [(401, BEFORE, "rejected here"), (500, "aad-func failed.", "failed here")]
)
def test_failure_and_rejection_have_different_texts(
    status, headline, mark, opened, scripted_api: tuple[Host, Scripted]
):
    host, api = scripted_api
    api.answer = lambda request: http(status)
    shown = opened(host.url("msi-func"))
    assert (shown.text(".headline"), path(shown)[-1]) == (headline, f"bad: {mark}")


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "function key"), (404, "disabled"), (302, "Sign in"), (503, "app's log")]
)
def test_response_of_another_server_is_explained(status, hint, opened, msi_host: Host):
    """Non-JSON responses: missing function key, disabled function, login page, proxy."""
    page = fetched(msi_host)
    reply = http(status, b"", Location="https://login.invalid/", Content_Type="text/html")
    with Scripted(lambda request: page if "text/html" in request.headers["accept"] else reply) as host:
        shown = opened(host.origin + "/api/msi-func")
        assert hint in shown.text("#fix")
        assert path(shown)[1] == "bad: rejected here"


def test_slow_and_unreachable_hosts_are_explained(opened, chromium: Any, msi_host: Host):
    page = fetched(msi_host)

    def respond(request: Request) -> Reply:
        return page if "text/html" in request.headers["accept"] else HANG

    with tab(chromium) as waiting:
        with Scripted(respond) as host:
            waiting.page.goto(host.origin)
            waiting.page.wait_for_function("() => document.querySelector('#said').innerText.includes('Still waiting')")
            assert waiting.violations() == []
            assert waiting.page.get_by_role("status").first.inner_text().startswith("Calling …")
        waiting.settled()
        assert waiting.text(".headline") == "The host does not respond."
        assert path(waiting) == ["ok: called", "bad: no response", "none: not reached", "none: not reached"]
        assert "make demo" in waiting.text("#fix")
        assert waiting.violations() == []
        assert not waiting.page.get_by_role("button", name="Copy as JSON").is_visible()


LAYOUTS = [(NARROW, "light"), (NARROW, "dark"), (320, "light"), (700, "light"), (WIDE, "dark"), (1920, "light")]


@pytest.fixture(scope="module")
def states(idle_tabs: IdleTabs, msi_host: Host, no_role: Host) -> list[Tab]:
    """The page after success, without a token, without a user's token and without the role."""
    tabs = []
    for host, query in ((msi_host, ""), (msi_host, "?auth=0"), (msi_host, "?as=user"), (no_role, "")):
        tabs.append(idle_tabs.take())
        tabs[-1].open(host.url("msi-func") + query)
    return tabs


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_page_fits_every_width_and_color_scheme(width, scheme, states: list[Tab]):
    for shown in states:
        shown.set_window(width=width, color_scheme=scheme)
        check(shown)


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_states_differ_by_shape_in_forced_colors(width, opened, no_role: Host):
    shown = opened(no_role.url("msi-func"), width=width, forced_colors="active")
    shapes = {state: shown.page.locator(f"#path .{state} path").first.get_attribute("d") for state in ("ok", "bad")}
    assert shapes["ok"] != shapes["bad"]
    styles = "one => [getComputedStyle(one).borderTopStyle, getComputedStyle(one).borderTopWidth]"
    assert shown.page.locator("#path .bad > .dot").evaluate(styles) == ["solid", "3px"]
    shown.press("Call without token (expected: 401)")
    assert shown.page.locator("#path .none > .dot").evaluate(styles) == ["dashed", "2px"]


def test_identity_is_a_branch_of_msi_func(opened, msi_host: Host):
    for width in (NARROW, WIDE):
        shown = opened(msi_host.url("msi-func"), width=width)
        browser, msi, identity, aad = (dot.bounding_box() for dot in shown.page.locator("#path .dot").all())
        assert identity["y"] > msi["y"]
        if width == WIDE:
            assert browser["y"] == msi["y"] == aad["y"]
            assert browser["x"] < msi["x"] == identity["x"] < aad["x"]
        else:
            assert browser["x"] == msi["x"] == aad["x"] < identity["x"]
            assert browser["y"] < msi["y"] < identity["y"] < aad["y"]


def test_narrow_table_shows_meanings_on_request(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func"), width=NARROW)
    row = shown.page.get_by_role("row", name=re.compile("^aud "))
    assert CLAIM_DESCRIPTIONS["aud"] not in row.inner_text()
    short = shown.page.locator("table").bounding_box()["height"]
    shown.page.get_by_role("button", name="Show meanings", pressed=False).click()
    assert CLAIM_DESCRIPTIONS["aud"] in row.inner_text()
    assert shown.page.locator("table").bounding_box()["height"] > 1.3 * short
    shown.page.get_by_role("button", name="Show meanings", pressed=True).click()
    assert CLAIM_DESCRIPTIONS["aud"] not in row.inner_text()


def test_page_without_javascript_is_one_sentence(chromium: Any, msi_host: Host):
    with tab(chromium, java_script_enabled=False) as shown:
        shown.page.goto(msi_host.url("msi-func"))
        assert shown.page.locator("main").inner_text().startswith("This page needs JavaScript.")
        assert not shown.page.locator("#said").is_visible()
        assert shown.page.get_by_role("button").count() == 0
        assert shown.requested == [msi_host.url("msi-func")]


CALLERS = [
    ("bearer_token", "user", f"{len(VALIDATION_STEPS)} passed"),
    ("bearer_token", "application", f"{len(VALIDATION_STEPS) - 1} passed, 1 not applicable"),
    ("easy_auth", "user", f"{len(VALIDATION_STEPS) - 5} passed, 5 left to Easy Auth"),
    ("easy_auth", "application", f"{len(VALIDATION_STEPS) - 6} passed, 1 not applicable, 5 left to Easy Auth"),
]


@pytest.mark.parametrize(("scheme", "kind", "tally"), CALLERS)
def test_checks_left_to_easy_auth_are_marked(scheme, kind, tally, opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(200, {"authenticated_by": scheme, "caller": {"kind": kind}, "claims": {}})
    shown = opened(host.url("msi-func"))
    assert shown.text("#tally") == tally
    assert shown.page.locator("#checks .easy").count() == (5 if scheme == "easy_auth" else 0)


DENIED = [
    ("missing_role", 403, {"caller": {"kind": "user"}}),
    ("wrong_audience", 401, {}),
]


@pytest.mark.parametrize(("code", "status", "members"), DENIED, ids=[case[0] for case in DENIED])
@pytest.mark.parametrize("scheme", ["easy_auth", "bearer_token"])
def test_checks_before_a_rejection_depend_on_the_scheme(
    scheme, code, status, members, opened, scripted_api: tuple[Host, Scripted]
):
    host, api = scripted_api
    api.answer = lambda request: as_json(status, {"code": code, "authenticated_by": scheme, **members})
    shown = opened(host.url("msi-func"))
    assert shown.page.locator("#checks .easy").count() == (5 if scheme == "easy_auth" else 0)
    assert len(failed_checks(shown)) == 1
    assert "authenticated by" not in shown.text("#fix").lower()


def test_user_without_the_role_is_advised_to_sign_in_again(opened, scripted_api: tuple[Host, Scripted]):
    host, api = scripted_api
    api.answer = lambda request: as_json(403, {"code": "missing_role", "caller": {"kind": "user"}})
    shown = opened(host.url("msi-func"))
    assert "sign in again" in shown.text("#fix")
    assert "managed identity" not in shown.text("#fix")


def test_dark_scheme_differs_and_narrow_table_keeps_its_aria_roles(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func"), width=NARROW, color_scheme="dark", reduced_motion="reduce")
    # Still a table for assistive technology, although CSS changes its layout.
    assert shown.page.get_by_role("row", name=re.compile("^aud ")).count() == 1
    light = opened(msi_host.url("msi-func"))
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert shown.page.evaluate(background) != light.page.evaluate(background)


def test_everything_can_be_reached_by_keyboard(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func"))
    reached = []
    for _ in range(6):
        shown.page.keyboard.press("Tab")
        reached.append(shown.page.evaluate("document.activeElement.innerText.split('\\n')[0]"))
        outline = shown.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached
        if reached[-1] == "JSON":
            shown.page.keyboard.press("Enter")
    buttons = ["Call again", "Call without token (expected: 401)", "Copy as JSON", "Pause the clock", "JSON"]
    assert reached == [*buttons, "{"]


def test_response_is_copied_as_json(opened, msi_host: Host):
    shown = opened(msi_host.url("msi-func"), permissions=["clipboard-read", "clipboard-write"])
    shown.page.get_by_role("button", name="Copy as JSON").click()
    shown.page.get_by_text("Copied.").wait_for()
    assert '"authenticated_by": "bearer_token"' in shown.page.evaluate("navigator.clipboard.readText()")
