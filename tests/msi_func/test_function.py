"""GET /api/msi-func: call modes, forwarded headers, and a problem for every failure."""

import json
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import jwt
import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from msi_func import function
from msi_func.downstream import DownstreamApi
from tests.support import apps
from tests.support.caller import Caller, caller, token_reply, unsigned_token
from tests.support.scripted import HANG, Reply, Scripted, as_json, http
from tests.support.users import DEVELOPER, ON_BEHALF_OF

__all__ = ["caller"]

handler = function.msi_func.build().get_user_function()  # type: ignore[attr-defined]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CLAIMS = as_json(200, {"claims": {}})


class App:
    """msi-func's handler, an identity endpoint and an API. `api.answer` sets the API's response."""

    def __init__(self, caller: Caller, api: Scripted, identity: Scripted) -> None:
        self.caller, self.api, self.identity = caller, api, identity

    def get(self, trace: tuple[str, str] = ("", ""), headers: dict[str, str] | None = None, **params: str) -> Any:
        request = func.HttpRequest(
            method="GET", url="http://localhost/api/msi-func", headers=headers or {}, params=params, body=b""
        )
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=trace[0], trace_state=trace[1]))
        return self.caller.run(handler(request, context))

    def code(self, **params: str) -> str:
        response = self.get(**params)
        return str(json.loads(response.get_body()).get("code", response.status_code))


@pytest.fixture
def app(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(function, "aad_func", DownstreamApi.from_settings("AAD_FUNC"))
    with Scripted(lambda request: token_reply()) as identity, Scripted(lambda request: CLAIMS) as api:
        caller.uses_endpoint(identity.origin)
        caller.set({"AAD_FUNC_URL": f"{api.origin}/api/aad-func", "AAD_FUNC_SCOPE": "api://x/.default"})
        yield App(caller, api, identity)


def test_body_is_returned_unchanged_with_server_timing(app: App):
    body = b'{"b": 1,\n "a":  "\\u00e9"}'
    app.api.answer = lambda request: http(200, body, Content_Type="application/json", X_Other="dropped")
    response = app.get()
    assert (response.status_code, response.get_body(), response.mimetype) == (200, body, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Accept"
    assert response.headers["Server-Timing"].startswith('token;desc="managed identity";dur=')
    assert "X-Other" not in response.headers
    assert app.api.requests[0].headers["authorization"] == f"Bearer {unsigned_token('token')}"


def test_only_a_valid_trace_context_of_the_invocation_is_forwarded(app: App):
    sent = {"traceparent": "00-1", "Cookie": "a=b", "X-Forwarded-Host": "evil.example", "Authorization": "Bearer x"}
    app.get((TRACE, "a=b"), sent)
    app.get((TRACE, "a=\u0105"))
    app.get(("00-1", "a=b"))
    assert [(r.headers.get("traceparent"), r.headers.get("tracestate")) for r in app.api.requests] == [
        (TRACE, "a=b"),
        (TRACE, None),
        (None, None),
    ]
    assert {"cookie", "x-forwarded-host"}.isdisjoint(app.api.requests[0].headers)
    assert "Bearer x" not in app.api.requests[0].headers["authorization"]


@pytest.mark.parametrize("value", ["0", "false", "FALSE"])
def test_auth_0_calls_without_a_token(value, app: App):
    assert app.get(auth=value).status_code == 200
    assert "authorization" not in app.api.requests[0].headers
    assert app.identity.requests == []


# (MSI_FUNC_CALL_MODES, {`as` parameter: expected code}), for requests without a user's token.
REQUIRED, NOT_ALLOWED = "user_token_required", "call_mode_not_allowed"
CALL_MODES = [
    (None, {"": "200", "app": "200", "APP": "200", "user": NOT_ALLOWED, "admin": "bad_request"}),
    ("app", {"": "200", "app": "200", "user": NOT_ALLOWED, "User": NOT_ALLOWED}),
    ("user", {"": REQUIRED, "app": NOT_ALLOWED, "user": REQUIRED, "user,app": "bad_request"}),
    ("app,user", {"": "200", "app": "200", "user": REQUIRED, "both": "bad_request"}),
    ("user, app", {"": "200", "app": "200", "user": REQUIRED}),
    ("", dict.fromkeys(("", "app", "user"), "misconfigured")),
    ("App", dict.fromkeys(("", "app", "user"), "misconfigured")),
    ("app;user", dict.fromkeys(("", "app", "user"), "misconfigured")),
    ("app,", dict.fromkeys(("", "app", "user"), "misconfigured")),
    ("app,admin", dict.fromkeys(("", "app", "user"), "misconfigured")),
]


@pytest.mark.parametrize(("setting", "codes"), CALL_MODES)
def test_only_enabled_call_modes_are_allowed(setting, codes, app: App):
    if setting is not None:
        app.caller.set({"MSI_FUNC_CALL_MODES": setting})
    assert {mode: app.code(**({"as": mode} if mode else {})) for mode in codes} == codes
    assert len(app.api.requests) == list(codes.values()).count("200")


def test_parameter_names_are_case_insensitive(app: App):
    """Otherwise ?AS=user would be served as the app."""
    app.caller.set({"MSI_FUNC_CALL_MODES": "app,user"})
    assert app.code(AS="user") == REQUIRED
    assert app.code(Auth="no") == "bad_request"


def test_disabled_mode_is_403_even_with_a_valid_token(app: App, local_azure: LocalTenant):
    token = local_azure.token("msi-func-api", user=DEVELOPER)
    response = app.get(**{"as": "user"}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 403
    assert json.loads(response.get_body())["detail"] == "MSI_FUNC_CALL_MODES does not allow as=user."
    app.caller.set({"MSI_FUNC_CALL_MODES": "user"})
    app.caller.restart()
    assert app.get(**{"as": "app"}).status_code == 403
    assert app.get(**{"as": "app"}, auth="0").status_code == 403
    assert app.api.requests == []


@pytest.mark.parametrize("params", [{"as": "user", "auth": "0"}, {"auth": "no"}, {"auth": ""}, {"as": "user,app"}])
def test_contradicting_or_unknown_parameters_are_a_bad_request(params, app: App):
    app.caller.set({"MSI_FUNC_CALL_MODES": "app,user"})
    assert app.code(**params) == "bad_request"
    assert app.api.requests == []


def test_auth_0_is_a_bad_request_if_user_is_the_only_mode(app: App):
    app.caller.set({"MSI_FUNC_CALL_MODES": "user"})
    assert app.code(auth="0") == "bad_request"


FAILURES: list[tuple[str, Reply, int, str]] = [
    ("an error", as_json(403, {"code": "missing_role"}), 502, "downstream_error"),
    ("not JSON", http(200, b"<html>", Content_Type="text/html"), 502, "downstream_invalid_response"),
    ("no content", http(204), 502, "downstream_invalid_response"),
    ("no response", HANG, 504, "downstream_timeout"),
    ("not HTTP", Reply(b"SSH-2.0\r\n\r\n", then="close"), 502, "downstream_unreachable"),
]


@pytest.mark.parametrize(("why", "reply", "status", "code"), FAILURES, ids=[case[0] for case in FAILURES])
def test_failure_is_a_problem_with_server_timing(why, reply, status, code, app: App):
    app.api.answer = lambda request: reply
    if reply is HANG:
        app.caller.set({"AAD_FUNC_TIMEOUT_SECONDS": "1"})
    response = app.get()
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert json.loads(response.get_body())["code"] == code
    assert ", aad-func;dur=" in response.headers["Server-Timing"]


def test_retry_after_of_the_api_is_passed_on(app: App):
    app.api.answer = lambda request: http(503, Retry_After="120")
    assert app.get().headers["Retry-After"] == "120"


def test_browser_gets_the_page_without_a_downstream_request(app: App):
    response = app.get(headers={"Accept": "text/html,application/xhtml+xml"})
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert app.api.requests == []


@pytest.mark.parametrize("modes", ["user", "app,user"])
def test_host_calls_on_behalf_of_the_user_if_the_mode_is_enabled(
    modes, local_azure_server: LocalAzure, local_azure: LocalTenant
):
    token = local_azure.token("msi-func-api", user=DEVELOPER)
    with Scripted(lambda request: CLAIMS) as api:
        settings = {
            **apps.msi_settings(local_azure_server, api.origin),
            **ON_BEHALF_OF,
            "MSI_FUNC_CALL_MODES": modes,
            "AzureWebJobs.aad_func.Disabled": "true",
        }
        with apps.running(settings) as host:
            url, headers = host.url("msi-func"), {"Authorization": f"Bearer {token}"}
            as_user = requests.get(f"{url}?as=user", headers=headers, timeout=30)
            default = requests.get(url, headers=headers, timeout=30)
            as_app = requests.get(f"{url}?as=app", headers=headers, timeout=30)
    assert (as_user.status_code, default.status_code) == (200, 200)
    assert as_app.status_code == (403 if modes == "user" else 200)
    tokens = [request.headers["authorization"].removeprefix("Bearer ") for request in api.requests]
    is_user = ["scp" in jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    assert is_user == ([True, True] if modes == "user" else [True, False, False])
