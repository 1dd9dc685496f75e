"""A table of all errors that the functions return, and their conversion to HTTP responses.

The body is `application/problem+json` (RFC 9457). It contains a stable `code`, which docs/troubleshooting.md documents.
A problem never contains unvalidated values from the request.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import azure.functions as func


@dataclass(frozen=True, slots=True)
class ProblemType:
    """The attributes shared by all problems with the same code. `oauth_error` is an error code from RFC 6750, or ""."""

    status: int
    description: str
    oauth_error: str = ""


INVALID, INSUFFICIENT = "invalid_token", "insufficient_scope"

PROBLEM_TYPES = {
    # aad-func: authentication.
    "missing_token": ProblemType(401, "The request carries no bearer token."),
    "missing_principal": ProblemType(401, "Easy Auth is on, but the request carries no valid principal."),
    "malformed_token": ProblemType(401, "The credentials are not one well-formed token.", INVALID),
    "unsupported_token": ProblemType(401, "The token is not a plain RS256-signed JWT.", INVALID),
    "unknown_key": ProblemType(401, "The token is signed with a key that the tenant does not publish.", INVALID),
    "bad_signature": ProblemType(401, "The signature is invalid.", INVALID),
    "invalid_claims": ProblemType(401, "A claim is missing or invalid.", INVALID),
    "wrong_issuer": ProblemType(401, "The issuer is not trusted.", INVALID),
    "wrong_tenant": ProblemType(401, "The token belongs to another tenant.", INVALID),
    "wrong_audience": ProblemType(401, "The token is meant for another API.", INVALID),
    "token_expired": ProblemType(401, "The token has expired.", INVALID),
    "token_not_yet_valid": ProblemType(401, "The token is not yet valid.", INVALID),
    "not_an_access_token": ProblemType(401, "The token is not an access token of an application or a user.", INVALID),
    # aad-func: authorization.
    "missing_role": ProblemType(403, "The caller does not have the required app role.", INSUFFICIENT),
    "missing_scope": ProblemType(403, "The user's token does not carry the required scope.", INSUFFICIENT),
    "caller_not_allowed": ProblemType(403, "The calling application is not an allowed caller.", INSUFFICIENT),
    # aad-func: an outage of Entra or of the network.
    "signing_keys_unavailable": ProblemType(503, "Signing keys are temporarily unavailable."),
    # msi-func: the signed-in user's token.
    "user_token_required": ProblemType(401, "This request needs a user's token for this app."),
    "user_token_expired": ProblemType(401, "The user's token has expired.", INVALID),
    "user_token_wrong_audience": ProblemType(401, "The user's token is meant for another API.", INVALID),
    "user_token_rejected": ProblemType(401, "Entra rejected the user's token.", INVALID),
    "interaction_required": ProblemType(401, "Entra requires the user to sign in again or to consent.", INVALID),
    "user_not_assigned": ProblemType(403, "The user is not assigned to the called API.", INSUFFICIENT),
    # msi-func: the request, the token request and the called API.
    "bad_request": ProblemType(400, "The request is invalid."),
    "call_mode_not_allowed": ProblemType(403, "This app does not allow the requested call mode."),
    "token_unavailable": ProblemType(502, "No token is available from the identity."),
    "federated_credential_mismatch": ProblemType(502, "The app registration does not trust the managed identity."),
    "downstream_error": ProblemType(502, "The called API returned an error."),
    "downstream_unreachable": ProblemType(502, "The called API cannot be reached."),
    "downstream_invalid_response": ProblemType(502, "The called API returned an invalid response."),
    "downstream_timeout": ProblemType(504, "The called API did not respond within the time limit."),
    # Both functions.
    "misconfigured": ProblemType(500, "A setting is missing or malformed."),
}


class Problem(Exception):
    """An error that becomes an HTTP response.

    `detail` is for people and defaults to the description of the code. `retry_after` is in seconds. `challenge` adds or
    replaces parameters of WWW-Authenticate. All other keyword arguments become members of the body (RFC 9457 section
    3.2).
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
        self.type = PROBLEM_TYPES[code]
        self.detail = detail or self.type.description
        self.retry_after = retry_after
        self.challenge = challenge or {}
        self.members = members
        super().__init__(code)


def problem_response(problem: Problem) -> func.HttpResponse:
    """Log the problem and return it as a response, with the challenge that RFC 6750 section 3 requires."""
    status = problem.type.status
    # One log line per error lets an operator diagnose it without the client's copy of the response.
    level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    logging.getLogger(__name__).log(level, "%s: %s", problem.code, problem.detail)
    headers = {}
    error, description = problem.type.oauth_error, problem.type.description
    if status == HTTPStatus.UNAUTHORIZED or error:
        # There is one header, because the Functions worker sends only the last of repeated headers. A request without
        # credentials gets no error code (RFC 6750 section 3.1). The description is a constant and quotes no token.
        described = {"error": error, "error_description": description} if error else {}
        parameters = {"realm": "api", **described, **problem.challenge}
        challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        headers["WWW-Authenticate"] = f"Bearer {challenge}"
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    body = {"title": HTTPStatus(status).phrase, "status": status, "code": problem.code, "detail": problem.detail}
    return json_response(body | problem.members, status=status, headers=headers, mimetype="application/problem+json")


def json_response(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, mimetype: str = "application/json"
) -> func.HttpResponse:
    """Return a JSON response that must not be cached. If `body` is bytes, it is sent unchanged."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    all_headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return func.HttpResponse(encoded, status_code=status, headers=all_headers, mimetype=mimetype)
