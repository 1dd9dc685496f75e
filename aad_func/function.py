"""GET /api/aad-func: returns the caller's claims."""

import azure.functions as func

from aad_func.authorization import requires_role
from aad_func.principal import Principal
from common.problems import json_response

blueprint = func.Blueprint()


# ANONYMOUS means that no function key is required: `requires_role` authenticates and authorizes callers.
@blueprint.route(route="aad-func", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@requires_role()
async def aad_func(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
    """Return the caller, its roles and its claims."""
    return json_response(caller.as_json)
