"""GET /api/msi-func: calls aad-func and returns the response. Browsers receive a page that shows the call."""

import azure.functions as func

from common.problems import Problem, json_response, problem_response
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

    `?as=app` calls aad-func as this app. `?as=user` calls aad-func on behalf of the user whose token the request
    carries. MSI_FUNC_CALL_MODES lists the modes that callers can choose. `?auth=0` calls aad-func without a token.
    """
    if "text/html" in req.headers.get("accept", "").lower():  # By default, only browsers list this type.
        return page.page_response()
    timing = ServerTiming()
    try:
        authenticate, user = _options(req)
        result = await aad_func.get(authenticate=authenticate, user=user, headers=trace_headers(context), timing=timing)
        result.json()
        response = json_response(result.body)
    except Problem as problem:
        response = problem_response(problem)
    if str(timing):
        response.headers["Server-Timing"] = str(timing)
    response.headers["Vary"] = "Accept"
    return response


def _options(req: func.HttpRequest) -> tuple[bool, UserAssertion | None]:
    """Return whether to send a token, and the user on whose behalf aad-func is called, or None for `as=app`."""
    query = {name.lower(): value.lower() for name, value in req.params.items()}
    authenticate = _AUTH.get(query.get("auth", "1"))
    if authenticate is None:
        raise Problem("bad_request", "auth must be 1 (with a token, the default) or 0 (without a token).")
    with Settings() as settings:
        listed = settings.string_list("MSI_FUNC_CALL_MODES", ("app",))
        if not set(listed) <= set(CALL_MODES):
            settings.add_error("MSI_FUNC_CALL_MODES", "must be app, user, or app,user")
    mode = query.get("as", "app" if "app" in listed else "user")
    if mode not in CALL_MODES:
        raise Problem("bad_request", "as must be app (this app's own identity) or user (the signed-in user).")
    if mode not in listed:
        raise Problem("call_mode_not_allowed", f"MSI_FUNC_CALL_MODES does not allow as={mode}.")
    if mode == "app":
        return authenticate, None
    if not authenticate:
        raise Problem("bad_request", "as=user and auth=0 cannot be combined: a call on behalf of a user needs a token.")
    return authenticate, UserAssertion.from_header(req.headers.get("authorization"))
