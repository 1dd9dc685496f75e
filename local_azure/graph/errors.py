"""Errors of Microsoft Graph."""

import time
import uuid

from starlette.responses import JSONResponse


class GraphError(Exception):
    """An error with the HTTP status, code and text of Graph's response."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def error_response(problem: GraphError) -> JSONResponse:
    """Return the response for an error."""
    request = str(uuid.uuid4())
    inner = {"date": timestamp(time.time())[:-1], "request-id": request, "client-request-id": request}
    body = {"error": {"code": problem.code, "message": str(problem), "innerError": inner}}
    challenge = {"WWW-Authenticate": 'Bearer realm=""'} if problem.status == 401 else None
    return JSONResponse(body, status_code=problem.status, headers=challenge)


def bad_request(message: str) -> GraphError:
    """Return the error for an invalid request."""
    return GraphError(400, "Request_BadRequest", message)


def not_found(what: str) -> GraphError:
    """Return the error for an object that does not exist."""
    message = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", message)


def not_emulated(what: str) -> GraphError:
    """Return the error for a feature of Graph that local_azure does not emulate."""
    return GraphError(
        501,
        "NotImplemented",
        f"local_azure does not emulate {what}. The README of local_azure lists the emulated features.",
    )


def timestamp(seconds: float) -> str:
    """Format a time in seconds since 1970 as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
