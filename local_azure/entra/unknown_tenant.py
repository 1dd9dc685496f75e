"""Error responses to metadata requests for unknown tenants, including `common`."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.entra.errors import TokenRequestError, error_response

_PATHS = (
    "/.well-known/openid-configuration",
    "/v2.0/.well-known/openid-configuration",
    "/discovery/keys",
    "/discovery/v2.0/keys",
)


def routes() -> list[Route]:
    """Return the routes for a Starlette app. The routes of the existing tenant must come first."""
    return [Route(f"/{{tenant}}{path}", _respond) for path in _PATHS]


async def _respond(request: Request) -> JSONResponse:
    error = TokenRequestError(90002, tenant=request.path_params["tenant"])
    error.error = "invalid_tenant"  # the token endpoint returns invalid_request
    return error_response(error)
