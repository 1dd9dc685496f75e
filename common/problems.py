"""Every error that either function can answer with, in one table, and how one becomes a response.

A problem is raised where it is found and turned into a response in one place (`response`). Bodies are
`application/problem+json` (RFC 9457) with a stable `code`, which is also the key into docs/troubleshooting.md.
Nothing that came with a request is ever part of a problem: details are written here or by the code that raises.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import azure.functions as func

REALM = "api"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is the same for every problem of one code: HTTP status, what it means, and the RFC 6750 error if any."""

    status: int
    meaning: str
    error: str = ""


INVALID, INSUFFICIENT = "invalid_token", "insufficient_scope"

KINDS = {
    # aad-func: no credentials, or credentials that do not say who calls.
    "missing_token": Kind(401, "The request carries no bearer token."),
    "missing_principal": Kind(401, "Easy Auth is on, but it named no caller for this request."),
    "malformed_token": Kind(401, "The credentials are not one well-formed token.", INVALID),
    "unsupported_token": Kind(401, "The token is not a plain RS256-signed JWT.", INVALID),
    "unknown_key": Kind(401, "The token is signed with a key that the tenant does not publish.", INVALID),
    "bad_signature": Kind(401, "The signature does not fit the token.", INVALID),
    "invalid_claims": Kind(401, "A claim is missing or has the wrong type.", INVALID),
    "wrong_issuer": Kind(401, "The token was issued by somebody else.", INVALID),
    "wrong_tenant": Kind(401, "The token belongs to another tenant.", INVALID),
    "wrong_audience": Kind(401, "The token is meant for another API.", INVALID),
    "token_expired": Kind(401, "The token has expired.", INVALID),
    "token_not_yet_valid": Kind(401, "The token is not valid yet.", INVALID),
    "not_an_access_token": Kind(401, "The token is neither an application's nor a user's access token.", INVALID),
    # aad-func: the caller is known and may not.
    "missing_role": Kind(403, "The caller does not have the app role that is required.", INSUFFICIENT),
    "missing_scope": Kind(403, "The user's token does not carry the scope that is required.", INSUFFICIENT),
    "caller_not_allowed": Kind(403, "The calling application is not on the list of allowed callers.", INSUFFICIENT),
    # aad-func: our own outage, never the caller's fault.
    "keys_unavailable": Kind(503, "The tenant's signing keys cannot be had at the moment."),
    # msi-func, for the user who calls it.
    "user_token_required": Kind(401, "This call needs a token of a user for this app."),
    "user_token_expired": Kind(401, "The token of the user has expired.", INVALID),
    "user_token_for_another": Kind(401, "The token of the user is meant for another API than this app.", INVALID),
    "user_token_refused": Kind(401, "Entra does not accept the token of the user.", INVALID),
    "interaction_required": Kind(401, "Entra wants the user to sign in again, or to consent.", INVALID),
    "user_not_assigned": Kind(403, "The user is not assigned to the called API.", INSUFFICIENT),
    # msi-func, for whoever runs it.
    "federated_credential_unknown": Kind(502, "The registration of this app does not trust its managed identity."),
    "bad_request": Kind(400, "The request cannot be understood."),
    "token_unavailable": Kind(502, "The identity gave no token."),
    "downstream_refused": Kind(502, "The called API refused."),
    "downstream_unreachable": Kind(502, "The called API cannot be reached."),
    "downstream_invalid": Kind(502, "The called API answered with something other than JSON."),
    "downstream_timeout": Kind(504, "The called API did not answer in time."),
    # Both.
    "misconfigured": Kind(500, "A setting is missing or malformed."),
}


class Problem(Exception):
    """An answer other than success.

    `detail` is for people and defaults to the code's meaning. `retry_after` is in seconds. `challenge` adds parameters
    to WWW-Authenticate, or replaces them. Further keyword arguments become members of the body (RFC 9457, 3.2).
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retry_after: int | None = None,
        challenge: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.code = code
        self.kind = KINDS[code]
        self.detail = detail or self.kind.meaning
        self.retry_after = retry_after
        self.challenge = challenge or {}
        self.members = members
        super().__init__(code)


NOT_COMPLETE = "A package of this app cannot be imported: publish it with all of requirements.txt."


def not_complete(error: ImportError) -> Problem:
    """`misconfigured`, for an app without what it imports. That is found out at a call: heavy imports wait for one."""
    return Problem("misconfigured", NOT_COMPLETE, package=str(error.name))


def response(problem: Problem) -> func.HttpResponse:
    """The problem as an HTTP response, with the challenge that RFC 6750 section 3 asks for."""
    kind = problem.kind
    # One line for each, and the only one: what a person sees at night without the caller's side of it.
    level = logging.WARNING if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    logging.getLogger(__name__).log(level, "%s: %s", problem.code, problem.detail)
    headers = {}
    if kind.status == HTTPStatus.UNAUTHORIZED or kind.error:
        headers["WWW-Authenticate"] = _challenge(problem)
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    body = {
        "title": HTTPStatus(kind.status).phrase,
        "status": kind.status,
        "code": problem.code,
        "detail": problem.detail,
        **problem.members,
    }
    return json_response(body, status=kind.status, headers=headers, mimetype="application/problem+json")


def json_response(
    body: Any, *, status: int = 200, headers: dict[str, str] | None = None, mimetype: str = "application/json"
) -> func.HttpResponse:
    """`body` as JSON that no cache keeps; bytes are JSON already. Answers about callers belong to that caller alone."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return func.HttpResponse(encoded, status_code=status, headers=sent, mimetype=mimetype)


def _challenge(problem: Problem) -> str:
    # One value: the Functions worker keeps only the last of repeated headers. Without credentials RFC 6750
    # section 3.1 wants no error code; with them, the description is the table's, never the token's.
    kind = problem.kind
    described = {"error": kind.error, "error_description": kind.meaning} if kind.error else {}
    parameters = {"realm": REALM, **described, **problem.challenge}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
