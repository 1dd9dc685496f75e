"""GET /api/msi-func: calls aad-func and returns the claims it receives; browsers get a page that shows the call."""

from collections.abc import Mapping

import azure.functions as func

from common.problems import Problem, json_response, problem_response
from common.process_wide import process_wide
from common.settings import Settings
from msi_func import page
from msi_func.downstream import DownstreamApi
from msi_func.server_timing import ServerTiming
from msi_func.trace_context import trace_headers
from msi_func.user_assertion import UserAssertion

blueprint = func.Blueprint()
aad_func = DownstreamApi.from_settings("AAD_FUNC")

CALL_MODES = ("app", "user")
_AUTH = {"1": True, "true": True, "0": False, "false": False}


@blueprint.route(route="msi-func", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def msi_func(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Call aad-func and return its response.

    `?as=app` calls it as this app's managed identity, `?as=user` on behalf of the user whose token the request carries;
    MSI_FUNC_CALL_MODES lists which of them callers may choose. `?auth=0` calls it without a token.
    """
    if page.prefers_html(req.headers.get("accept", "")):
        return page.page_response()
    timing = ServerTiming()
    try:
        query = {name.lower(): value for name, value in req.params.items()}
        authenticate = _authenticate(query)
        user = _user(req, query, authenticate=authenticate)
        result = await aad_func.get(authenticate=authenticate, user=user, headers=trace_headers(context), timing=timing)
        result.json()
        response = json_response(result.body)
    except Problem as problem:
        response = problem_response(problem)
    if str(timing):
        response.headers["Server-Timing"] = str(timing)
    response.headers["Vary"] = "Accept"
    return response


def _authenticate(query: Mapping[str, str]) -> bool:
    auth = query.get("auth", "1").lower()
    if auth not in _AUTH:
        raise Problem("bad_request", "auth must be 1 (with a token, the default) or 0 (without).")
    return _AUTH[auth]


def _user(req: func.HttpRequest, query: Mapping[str, str], *, authenticate: bool) -> UserAssertion | None:
    """Return the user on whose behalf to call, or None to call as this app. Nothing falls back to the other mode."""
    allowed = call_modes()
    mode = query.get("as", allowed[0]).lower()
    if mode not in CALL_MODES:
        raise Problem("bad_request", "as must be app (this app's own identity) or user (the signed-in user).")
    if mode not in allowed:
        raise Problem("call_mode_not_allowed", f"MSI_FUNC_CALL_MODES does not allow as={mode}.")
    if mode == "app":
        return None
    if not authenticate:
        raise Problem("bad_request", "as=user needs a token and auth=0 sends none: use one of the two.")
    return UserAssertion.from_header(req.headers.get("authorization"))


@process_wide
def call_modes() -> tuple[str, ...]:
    """Return the allowed call modes, the default first: `app` unless only `user` is allowed. Raises `misconfigured`."""
    with Settings() as settings:
        listed = settings.string_list("MSI_FUNC_CALL_MODES", ("app",))
        modes = tuple(mode for mode in CALL_MODES if mode in listed)
        if not set(listed) <= set(CALL_MODES):
            settings.add_error("MSI_FUNC_CALL_MODES", "is not app, user, or app,user")
    return modes
