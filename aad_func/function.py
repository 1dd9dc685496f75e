"""GET /api/aad-func: returns the caller's claims."""

import json

import azure.functions as func

from aad_func.authorization import requires_role
from aad_func.principal import Principal
from common.problems import json_response

blueprint = func.Blueprint()


# ANONYMOUS: callers are authenticated by their Entra token, not by a function key.
@blueprint.route(route="aad-func", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@requires_role()
async def aad_func(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
    """Return the caller's own claims."""
    return json_response(encode_principal(caller))


def encode_principal(caller: Principal) -> bytes:
    """Return the response body."""
    body = {
        "authenticated_by": caller.authenticated_by,
        "caller": {
            "kind": caller.kind,
            "client_id": caller.client_id,
            "object_id": caller.object_id,
            "tenant_id": caller.tenant_id,
        },
        "roles": sorted(caller.roles),
        "role_sources": {
            role: "setting" if role in caller.roles_from_setting else "token" for role in sorted(caller.roles)
        },
        "claims": caller.claims,
    }
    return json.dumps(body, default=dict).encode()  # Claims are read-only mappings.
