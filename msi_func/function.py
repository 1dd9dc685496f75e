"""GET /api/msi-func: query -> call -> response; and for browsers a page that shows the call."""

from typing import TYPE_CHECKING

import azure.functions as func

from common import problems
from common.problems import Problem
from msi_func.downstream import DownstreamApi
from msi_func.timing import Timing

if TYPE_CHECKING:
    from msi_func.user_token import UserToken

blueprint = func.Blueprint()
aad_func = DownstreamApi.from_settings("AAD_FUNC")

_AUTH = {"1": True, "true": True, "0": False, "false": False}


@blueprint.route(route="msi-func", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def msi_func(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Call aad-func as this app's managed identity and hand on its answer.

    `?as=user` calls as the user whose token came with the request, `?auth=0` without a token.
    """
    page = _page(req)
    if page is not None:
        return page
    timing = Timing()
    try:
        authenticate, user = _authenticate(req), _user(req)
        body = aad_func.get(authenticate=authenticate, user_token=user, headers=_trace(context), timing=timing)
        answer = problems.json_response(body)
    except Problem as problem:
        answer = problems.problem_response(problem)
    if str(timing):
        answer.headers["Server-Timing"] = str(timing)
    answer.headers["Vary"] = "Accept"
    return answer


def _page(req: func.HttpRequest) -> func.HttpResponse | None:
    """The page for people, where a browser asks; it calls back here for JSON."""
    accept = req.headers.get("accept", "")
    if "text/html" not in accept.lower():
        return None
    from msi_func import page

    return page.response() if page.is_wanted(accept) else None


def _authenticate(req: func.HttpRequest) -> bool:
    auth = req.params.get("auth", "1").lower()
    if auth not in _AUTH:
        raise Problem("bad_request", "auth must be 1 (with a token, the default) or 0 (without).")
    return _AUTH[auth]


def _user(req: func.HttpRequest) -> "UserToken | None":
    """Whose call it is to be; None is this app's own."""
    caller = req.params.get("as", "app").lower()
    if caller not in ("app", "user"):
        raise Problem("bad_request", "as must be app (this app's own identity, the default) or user (who calls it).")
    if caller == "user" and not _authenticate(req):
        raise Problem("bad_request", "as=user is a call with a token, auth=0 one without: give one of the two.")
    if caller == "app":
        return None
    from msi_func.user_token import user_token

    return user_token(req.headers.get("authorization"))


def _trace(context: func.Context) -> dict[str, str]:
    """W3C trace context of this invocation, so that both apps show up as one trace."""
    trace = context.trace_context
    named = {"traceparent": trace.trace_parent, "tracestate": trace.trace_state}
    return {name: value for name, value in named.items() if value}
